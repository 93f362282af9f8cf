/**
 * The stitched graph as a second witness for data, where its known limits allow: the view in the graph's own names, nothing that
 * `@require`s, no names that stitching cannot carry.
 */
import { execute, parse, validate } from 'graphql';
import { newExecution } from '../../src/execute/execution.ts';
import { stitchGraph } from '../../src/execute/stitched.ts';
import { dataDifference } from './compare.ts';
import type { Case, Subject } from './subject.ts';

const VIEW = 'whole';
const BEYOND_ITS_LIMITS = /\b(then|__proto__|constructor|hasOwnProperty|postage|sticker|crate|label)\b/;
const DEADLINE_MS = 15_000;

export interface StitchedWitness {
  (one: Case, data: unknown): Promise<string | undefined>;
  /** How many cases it has judged. */
  judged(): number;
}

export function openStitched({ generation, connections }: Subject): StitchedWitness {
  const { graph } = generation;
  const schema = stitchGraph(graph);
  let judged = 0;
  const judge = async (one: Case, data: unknown): Promise<string | undefined> => {
    if (one.view !== VIEW || BEYOND_ITS_LIMITS.test(one.document)) return undefined;
    const document = parse(one.document);
    // The graph has one directive or type less or more than the view in a few places; those cases are not its.
    if (validate(schema, document).length > 0) return undefined;
    const caller = {
      signal: AbortSignal.timeout(DEADLINE_MS),
      deadlineAt: performance.now() + DEADLINE_MS,
      requestId: 'stitched',
      headers: {},
      claims: one.claims ?? {},
    };
    const result = await execute({
      schema,
      document,
      variableValues: one.variables,
      contextValue: newExecution(graph, connections, caller),
    });
    // An error of stitching itself leaves other nulls than the field's own would.
    if (result.errors !== undefined) return undefined;
    judged++;
    const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
    const difference = dataDifference(plain(data), plain(result.data));
    return difference === undefined ? undefined : `the stitched graph disagrees: ${difference}`;
  };
  return Object.assign(judge, { judged: () => judged });
}
