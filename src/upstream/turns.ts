/** Calls that are many take turns. */

/** Like `Promise.all(items.map(work))`, but so many at the same time at most. The results are in the order of the items. */
export function inTurns<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  if (items.length <= atOnce) return Promise.all(items.map(work));
  const results = new Array<R>(items.length);
  let next = 0;
  const takeTurns = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!, index);
    }
  };
  return Promise.all(Array.from({ length: atOnce }, takeTurns)).then(() => results);
}
