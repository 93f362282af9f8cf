/**
 * The stitched graph as a second witness for data, where its known limits allow: the view in the graph's own names, nothing that
 * `@require`s, no names that stitching cannot carry.
 */
import { type DocumentNode, execute, type GraphQLSchema, isUnionType, parse, validate, visit } from 'graphql';
import { CallContext } from '../../src/call-context.ts';
import { Cancellation } from '../../src/cancellation.ts';
import { newExecution } from '../../src/execute/execution.ts';
import { stitchGraph } from '../../src/execute/stitched.ts';
import { dataDifference } from './compare.ts';
import type { Subject } from './subject.ts';
import type { Witness } from './witness.ts';

const VIEW = 'whole';
/** The films of a festival come with less than elsewhere, and stitching asks elsewhere for what is null. */
const BEYOND_ITS_LIMITS =
  /\b(then|__proto__|constructor|hasOwnProperty|postage|sticker|crate|label|festival)\b/;
/** Stitching adds key fields to selections by their names: where one of these is another field's alias, it reads the wrong value. */
const KEY_FIELDS = new Set(['id', 'isbn', 'code', 'row', 'slug', 'org', 'number']);
const DEADLINE_MS = 60_000;

export interface StitchedWitness {
  (...asked: Parameters<Witness>): ReturnType<Witness>;
  /** How many cases it has judged. */
  judged(): number;
}

export function openStitched({ generation, connections }: Subject): StitchedWitness {
  const { graph } = generation;
  const schema = stitchGraph(graph);
  let judged = 0;
  const judge: Witness = async (one, [data]) => {
    if (one.document.startsWith('subscription') || one.view !== VIEW || BEYOND_ITS_LIMITS.test(one.document))
      return undefined;
    const document = parse(one.document);
    if (isBeyondItsLimits(document, graph.schema)) return undefined;
    // The graph has one directive or type less or more than the view in a few places; those cases are not its.
    if (validate(schema, document).length > 0) return undefined;
    const over = Cancellation.of(AbortSignal.timeout(DEADLINE_MS));
    const caller = new CallContext({ requestId: 'stitched', headers: {} }, over, {
      deadlineAt: performance.now() + DEADLINE_MS,
      claims: one.claims ?? {},
    });
    const result = await execute({
      schema,
      document,
      operationName: /^\w+ (\w+)/.exec(one.document)?.[1],
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

function isBeyondItsLimits(document: DocumentNode, schema: GraphQLSchema): boolean {
  let isBeyond = false;
  /** Whether fields of the same name stand on conditions. */
  const conditional = new Map<string, boolean>();
  visit(document, {
    Field({ alias, name, directives = [] }) {
      if (alias !== undefined && alias.value !== name.value && KEY_FIELDS.has(alias.value)) isBeyond = true;
      const key = alias?.value ?? name.value;
      const known = conditional.get(key);
      // A field that is selected twice and left out once by a variable is lost.
      if (known === true || (known === false && directives.length > 0)) isBeyond = true;
      conditional.set(key, known === true || directives.length > 0);
    },
    // Inside of one of its members a union as a condition loses what it holds.
    NamedType({ name }) {
      if (isUnionType(schema.getType(name.value))) isBeyond = true;
    },
  });
  return isBeyond;
}
