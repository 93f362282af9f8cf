/** Lists with `@stream`: the first items are there at once, further ones are given to graphql-js a few at a time. */
import { type GraphQLResolveInfo, GraphQLStreamDirective, getDirectiveValues } from 'graphql';
import type { HeldBack } from './held-back.ts';

/**
 * So many items are begun together. What they ask of one place becomes one batch, and a batch is there when the slowest of it is:
 * this is between items that come all at the end, and a call to the backend for each.
 */
const ITEMS_AT_ONCE = 10;

/** @param heldBack until when further items wait */
export function streamedAsAsked(
  value: unknown,
  { fieldNodes, variableValues }: GraphQLResolveInfo,
  heldBack: HeldBack,
): unknown {
  if (!Array.isArray(value)) return value;
  const stream = getDirectiveValues(GraphQLStreamDirective, fieldNodes[0]!, variableValues);
  if (stream === undefined || stream.if === false) return value;
  return itemsInTurn(value, Number(stream.initialCount), heldBack);
}

async function* itemsInTurn(
  items: readonly unknown[],
  initialCount: number,
  heldBack: HeldBack,
): AsyncGenerator<unknown, void> {
  for (const [index, item] of items.entries()) {
    const streamed = index - initialCount;
    if (streamed === 0) await heldBack.begins;
    // Batches leave when the event loop turns.
    else if (streamed > 0 && streamed % ITEMS_AT_ONCE === 0) await new Promise(setImmediate);
    yield item;
  }
}
