/** Finds the name that a misspelt one was probably meant to be. */

/** Edits (insert, remove, replace, swap of neighbours) between two texts. */
function editDistance(left: string, right: string): number {
  let twoBack: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1]
      let best = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      )
      if (
        row > 1 &&
        column > 1 &&
        left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1]
      ) {
        best = Math.min(best, (twoBack[column - 2] ?? 0) + 1)
      }
      current.push(best)
    }
    twoBack = previous
    previous = current
  }
  return previous[right.length] ?? 0
}

/** The nearest of `names`, or undefined when none is near: at most a third of the letters may differ. */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  if (name.length > 100) return undefined
  const limit = Math.max(1, Math.floor(name.length / 3))
  let nearest: string | undefined
  let nearestDistance = limit + 1
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) > limit) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < nearestDistance) {
      nearest = candidate
      nearestDistance = distance
    }
  }
  return nearest
}
