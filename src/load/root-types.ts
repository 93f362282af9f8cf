/** The types that operations begin at, and the kind of operation that does. */
export const ROOTS: ReadonlyMap<string, 'query' | 'mutation' | 'subscription'> = new Map([
  ['Query', 'query'],
  ['Mutation', 'mutation'],
  ['Subscription', 'subscription'],
]);
