/** What a hand-written schema says of a case: graphql-js over resolvers, no connector, no record, no plan. */
import {
  buildSchema,
  type ExecutionResult,
  execute,
  GraphQLSchema,
  isAbstractType,
  isEnumType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  parse,
  specifiedDirectives,
  subscribe,
} from 'graphql';
import { dataDifference } from './compare.ts';
import { type Case, MAX_EVENTS } from './subject.ts';

/** Undefined when it agrees, or has nothing to say; else what it says against the data, one per event of a subscription. */
export type Witness = (one: Case, data: readonly unknown[]) => Promise<string | undefined>;

export type Claims = Readonly<Record<string, unknown>>;
// biome-ignore lint/suspicious/noExplicitAny: resolvers take the objects that other resolvers return
export type Resolve = (source: any, args: any, claims: Claims) => unknown;
export type Resolvers = Readonly<Record<string, Readonly<Record<string, Resolve>>>>;
/** Of each field of Subscription. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export type Events = Readonly<Record<string, (args: any) => Iterable<unknown>>>;

/** @param schemas by view */
export function openWitness(schemas: ReadonlyMap<string, GraphQLSchema>): Witness {
  return async (one, data) => {
    const expected = await answersOf(schemas.get(one.view)!, one);
    if (data.length !== expected.length)
      return `the monolith disagrees: ${data.length} and ${expected.length} results`;
    for (const [index, given] of data.entries()) {
      const difference = dataDifference(overTheWire(given), overTheWire(expected[index]!.data));
      if (difference !== undefined)
        return `the monolith disagrees${data.length === 1 ? '' : ` on result ${index}`}: ${difference}`;
    }
    return undefined;
  };
}

async function answersOf(schema: GraphQLSchema, one: Case): Promise<readonly ExecutionResult[]> {
  const args = {
    schema,
    document: parse(one.document),
    operationName: /^\w+ (\w+)/.exec(one.document)?.[1],
    variableValues: one.variables,
    contextValue: one.claims ?? {},
  };
  if (!one.document.startsWith('subscription')) return [await execute(args)];
  const events = await subscribe(args);
  if (!(Symbol.asyncIterator in events)) return [events];
  const results: ExecutionResult[] = [];
  for await (const event of events) if (results.push(event) >= MAX_EVENTS) break;
  return results;
}

function overTheWire(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data ?? null));
}

export interface WitnessParts {
  readonly resolvers: Resolvers;
  readonly events: Events;
  /** What `type` of an object says → the type here, where names differ. */
  readonly names: Readonly<Record<string, string>>;
}

export function toWitnessSchema(sdl: string, { resolvers, events, names }: WitnessParts): GraphQLSchema {
  // graphql-js executes no schema in one answer that has @defer and @stream; there are none in these documents.
  const schema = new GraphQLSchema({ ...buildSchema(sdl).toConfig(), directives: specifiedDirectives });
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__') || isEnumType(type)) continue;
    if (isScalarType(type) && !isSpecifiedScalarType(type)) {
      if (type.name === 'BigInt' || type.name === 'Decimal') acceptNumbers(type);
    } else if (isAbstractType(type))
      type.resolveType = ({ type: name }: { type: string }) => names[name] ?? name;
    else if (type === schema.getSubscriptionType()) {
      for (const field of Object.values(type.getFields())) {
        const open = events[field.name]!;
        field.subscribe = async function* (_source: unknown, args: unknown) {
          yield* open(args);
        };
        field.resolve = (event: unknown) => event;
      }
    } else if (isObjectType(type)) {
      const own = resolvers[type.name];
      for (const field of Object.values(type.getFields())) {
        const resolve = own !== undefined && Object.hasOwn(own, field.name) ? own[field.name] : undefined;
        if (resolve !== undefined) field.resolve = resolve;
      }
    }
  }
  return schema;
}

function acceptNumbers(type: { parseValue: unknown }): void {
  const accept = (value: unknown) => (typeof value === 'number' ? String(value) : value);
  const literal = (node: { readonly value?: unknown }) => String(node.value);
  Object.assign(type, {
    parseValue: accept,
    coerceInputValue: accept,
    parseLiteral: literal,
    coerceInputLiteral: literal,
  });
}
