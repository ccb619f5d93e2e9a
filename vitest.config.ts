import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
    // Most files wait for servers most of their time: two side by side use even two cores better than one.
    maxWorkers: 2,
    // For what hangs, and not for what is slow: a test shares a busy machine with others.
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
})
