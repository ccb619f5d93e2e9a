/** Each round begins with another row, so that no row always has the machine in the same state. */
export function rotated<T>(items: readonly T[], by: number): T[] {
  return items.map((_, index) => items[(index + by) % items.length]).filter((item) => item !== undefined)
}
