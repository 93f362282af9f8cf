/** Lists with `@stream`: the first items are there at once, further ones are given to graphql-js a few at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type GraphQLResolveInfo, GraphQLStreamDirective, getDirectiveValues } from 'graphql';

/**
 * So many items are begun together. What they ask of one place becomes one batch, and a batch is there when the slowest of it is:
 * this is between items that come all at the end, and a call to the backend for each.
 */
const ITEMS_AT_ONCE = 10;

/** A first part that hangs must not keep what comes after it from being asked for in time. */
const HELD_BACK = 0.25;

/** @param until when further items are held back */
export function streamedAsAsked(
  value: unknown,
  { fieldNodes, variableValues }: GraphQLResolveInfo,
  until: HeldBack,
): unknown {
  if (!Array.isArray(value)) return value;
  const stream = getDirectiveValues(GraphQLStreamDirective, fieldNodes[0]!, variableValues);
  if (stream === undefined || stream.if === false) return value;
  return itemsInTurn(value, Number(stream.initialCount), until);
}

interface HeldBack {
  /** Opens when the first part of the answer has been handed out. */
  readonly firstPart: Promise<void>;
  /** Of the operation. */
  readonly deadlineAt: number;
}

/** Until the first part is out, or so much of the time is over. */
async function heldBack({ firstPart, deadlineAt }: HeldBack): Promise<void> {
  const over = new AbortController();
  const enough = sleep(Math.max(0, (deadlineAt - performance.now()) * HELD_BACK), undefined, over);
  await Promise.race([firstPart, enough.catch(() => {})]);
  over.abort();
}

async function* itemsInTurn(
  items: readonly unknown[],
  initialCount: number,
  until: HeldBack,
): AsyncGenerator<unknown, void> {
  for (const [index, item] of items.entries()) {
    const streamed = index - initialCount;
    if (streamed === 0) await heldBack(until);
    // Batches leave when the event loop turns.
    else if (streamed > 0 && streamed % ITEMS_AT_ONCE === 0) await new Promise(setImmediate);
    yield item;
  }
}
