// Flags of the runtime that Sluice is run with, wherever it is started from.
export const NODE_FLAGS = [
  // Objects of a call live for its few milliseconds. A larger young generation lets them die there: measured at 7,000
  // calls a second, garbage collection takes a third less of the processor than with the 16 MB that V8 begins with.
  '--max-semi-space-size=32',
  // Where nearly all objects of a literal outlive one collection, V8 makes them among the old ones for good. Calls that
  // are open at the first collections of a process do: in 7 of 17 starts under load a young collection took 8 ms from
  // then on where it takes 2, and a call a tenth more of the processor. docs/decisions/2026-11-29-tail-latency.md
  '--no-allocation-site-pretenuring',
  // V8 begins a collection of all memory whenever buffers have grown by 64 MB, which bodies of 2 MB do ten times a
  // second. Measured against a limit that grows with what is in use, half of these remain.
  '--external-memory-accounted-in-global-limit',
  // Threads that mark beside the event loop get in its way where there are few cores: with one of them, the loop lags a
  // third as much under such bodies.
  '--concurrent-marking-max-worker-num=1',
  // V8 optimizes WebAssembly beside the program. The embedded database runs so much of it once, at its start, that a
  // third of the start went into code that is never needed again, and 50 MB stayed. What is really hot still gets there.
  '--wasm-tiering-budget=100000000',
]
