/** Long lists, with calls going on while they are made. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Items of a list that are made in one turn of the event loop: a millisecond or two. */
const ITEMS_A_TURN = 50

/** As `items.map(map)`. */
export async function mapInTurns<In, Out>(
  items: readonly In[],
  map: (item: In, index: number) => Out,
): Promise<Out[]> {
  const made: Out[] = []
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % ITEMS_A_TURN === 0) await nextTurn()
    made.push(map(item, index))
  }
  return made
}
