/** One route of the API. */
import { z } from 'zod';
import type { Registry } from '../consumers/registry.ts';
import { Refusal } from '../doors/refusal.ts';

export interface ApiCall<Query, Body> {
  readonly registry: Registry;
  /** Whose token it is, for the consumers' own routes. */
  readonly consumer: string;
  /** What stands in the places of the path, decoded. */
  readonly params: readonly string[];
  readonly query: Query;
  readonly body: Body;
}

export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly pattern: RegExp;
  readonly query: z.ZodType;
  readonly body: z.ZodType;
  readonly status?: number | undefined;
  /** @param call as `query` and `body` say */
  readonly run: (call: ApiCall<never, never>) => unknown;
}

const NOTHING = z.strictObject({});
type Nothing = typeof NOTHING;

/** @param what method and path, such as "POST /api/keys/:id/rotate" */
export function route<Query extends z.ZodType = Nothing, Body extends z.ZodType = Nothing>(
  what: `${ApiRoute['method']} /api/${string}`,
  {
    query,
    body,
    status,
    run,
  }: {
    readonly query?: Query;
    readonly body?: Body;
    readonly status?: number;
    readonly run: (call: ApiCall<z.output<Query>, z.output<Body>>) => unknown;
  },
): ApiRoute {
  const [method, path = ''] = what.split(' ');
  return {
    method: method as ApiRoute['method'],
    pattern: new RegExp(`^${path.replace(/:\w+/g, '([^/]{1,200})')}$`),
    query: query ?? NOTHING,
    body: body ?? NOTHING,
    status,
    run: run as ApiRoute['run'],
  };
}

/** How much of a list is wanted. */
export const PAGE = {
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** The last one that is known. */
  after: z.string().max(100).optional(),
};

/** A part of a list, and what to ask for to get the next. @throws {Refusal} BAD_REQUEST when the last one that is known is gone */
export function page<Item>(
  list: readonly Item[],
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  idOf: (item: Item) => string,
): { readonly items: readonly Item[]; readonly next: string | null } {
  const last = after === undefined ? -1 : list.findIndex((item) => idOf(item) === after);
  // From the beginning again a reader of pages would never come to an end.
  if (after !== undefined && last === -1)
    throw new Refusal(
      'BAD_REQUEST',
      `There is no "${after}" in this list any more: begin again without "after".`,
    );
  const start = last + 1;
  const items = list.slice(start, start + limit);
  return { items, next: start + limit < list.length ? idOf(items.at(-1)!) : null };
}
