/** Runs one compiled query or mutation: values of a batch into as few requests as there may be, answers into outcomes. */
import { HemError, UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import { inTurns } from '../../upstream/turns.ts';
import { toUpstreamError } from '../batch.ts';
import type { CallContext, Outcome, UnaryCall } from '../kind.ts';
import { type Answer, placeErrors } from './answer.ts';
import type { EntityTarget, GraphqlBinding, RootTarget } from './bind.ts';
import type { Variable } from './bind-arguments.ts';
import {
  elementAlias,
  elementVariable,
  entityDocument,
  type RequestHead,
  RootDocuments,
  toHead,
  variablesOf,
} from './document.ts';
import { fixRecord } from './record-fix.ts';
import { type PrintedSelection, slotVariable } from './selection.ts';

/** Sends one request body. @throws {UpstreamError} */
export type Send = (body: string, idempotent: boolean, context: CallContext) => Promise<Answer>;

interface Setup {
  readonly connector: string;
  readonly batchSize: number;
  readonly callsAtOnce: number;
  readonly send: Send;
}

/** Rounds in which elements are taken out that made the backend answer no data at all; then each goes alone. */
const ROUNDS = 3;

export function toRootCall(
  binding: GraphqlBinding,
  target: RootTarget,
  selection: PrintedSelection,
  setup: Setup,
): UnaryCall {
  const documents = new RootDocuments(binding, target.path, target.typeName, selection);
  // Most calls ask for one; their document is printed now, not when the first of them comes.
  documents.head(1);
  const variables = variablesOf(binding.arguments);
  const isMutation = binding.operation === 'mutation';
  const [root = '', ...inner] = target.path;
  const finish = toFinish(setup.connector, inner, selection);
  /** Per element of a document: how its variables begin in JSON, and where its value is. */
  const places: Array<{ readonly pairs: readonly string[]; readonly alias: string }> = [];
  const placeOf = (index: number) =>
    (places[index] ??= {
      pairs: variables.map(({ name }) => `"${elementVariable(index, name)}":`),
      alias: elementAlias(index),
    });

  async function ask(elements: readonly Element[], context: CallContext, slots: string): Promise<Reply> {
    let body = '';
    for (let index = 0; index < elements.length; index++) {
      const { pieces } = elements[index]!;
      const { pairs } = placeOf(index);
      for (let at = 0; at < pieces.length; at++) {
        if (pieces[at] !== undefined) body += `${body === '' ? '' : ','}${pairs[at]}${pieces[at]}`;
      }
    }
    if (slots !== '') body += `${body === '' ? '' : ','}${slots}`;
    const answer = await setup.send(`${documents.head(elements.length)}${body}}}`, !isMutation, context);
    const keyOf = elements.length === 1 ? () => root : (index: number) => placeOf(index).alias;
    const { data, errors } = answer;
    if (data === null) {
      return toReplyWithoutData(setup.connector, answer, elements.length, (index) => [keyOf(index)]);
    }
    const unplaced = errors.length === 0 ? undefined : placeErrors(data, errors)[0]?.error;
    return elements.map((_, index) => finish(ownValue(data, keyOf(index)), unplaced));
  }

  return {
    mode: 'unary',
    async call(batch, context) {
      const elements = encode(setup.connector, batch, (values) => toElement(variables, values));
      const slots = slotPairs(selection, context);
      if (!isMutation) return askAll(elements, setup, (some) => ask(some, context, slots));
      const outcomes: Outcome[] = [];
      for (const element of elements) {
        outcomes.push(
          element instanceof UpstreamError
            ? element
            : await askOne(setup, () => ask([element], context, slots)),
        );
      }
      return outcomes;
    },
  };
}

export function toEntityCall(
  binding: GraphqlBinding,
  target: EntityTarget,
  selection: PrintedSelection,
  setup: Setup,
): UnaryCall {
  const head: RequestHead = toHead(entityDocument(binding, target, selection));
  const variables = variablesOf(binding.arguments);
  const typename = `{"__typename":${JSON.stringify(target.typeName)},`;
  const finish = toFinish(setup.connector, target.field === undefined ? [] : [target.field], selection);

  function toEntityElement(values: Values): Element {
    const key = stringify(target.representation(values), 'the key')!;
    const pieces = [`${typename}${key.slice(1)}`];
    if (variables.length === 0) return { pieces, group: '' };
    // Elements whose field has other arguments cannot share a request.
    const pairs = toElement(variables, values).pieces.flatMap((piece, at) =>
      piece === undefined ? [] : [`"${elementVariable(0, variables[at]!.name)}":${piece}`],
    );
    return { pieces, group: pairs.join(',') };
  }

  async function ask(elements: readonly Element[], context: CallContext, slots: string): Promise<Reply> {
    let body = '"representations":[';
    for (let index = 0; index < elements.length; index++) {
      body += index === 0 ? elements[index]!.pieces[0] : `,${elements[index]!.pieces[0]}`;
    }
    body += ']';
    const { group } = elements[0]!;
    if (group !== '') body += `,${group}`;
    if (slots !== '') body += `,${slots}`;
    const answer = await setup.send(`${head}${body}}}`, true, context);
    const { data, errors } = answer;
    if (data === null) {
      return toReplyWithoutData(setup.connector, answer, elements.length, (index) => ['_entities', index]);
    }
    const unplaced = errors.length === 0 ? undefined : placeErrors(data, errors)[0]?.error;
    const found = ownValue(data, '_entities');
    if (!Array.isArray(found))
      return elements.map(() => ({ outcome: toOutcome(setup.connector, found, unplaced) }));
    if (found.length !== elements.length) {
      throw new UpstreamError('UPSTREAM_INVALID', setup.connector, {
        internal: `answered ${found.length} entities where ${elements.length} were asked for`,
      });
    }
    return found.map((entity: unknown) => finish(entity, unplaced));
  }

  return {
    mode: 'unary',
    async call(batch, context) {
      const elements = encode(setup.connector, batch, toEntityElement);
      const slots = slotPairs(selection, context);
      return askAll(elements, setup, (some) => ask(some, context, slots));
    },
  };
}

/** One element of a batch, encoded. Elements with the same pieces and group ask for the same. */
interface Element {
  /** JSON per variable; undefined leaves it out. */
  readonly pieces: ReadonlyArray<string | undefined>;
  /** Only elements of one group can share a request. */
  readonly group: string;
}

/** Outcomes of some elements. `null` for those that went down with another one. */
type Reply = ReadonlyArray<{ readonly outcome: Outcome } | null>;

function toElement(variables: readonly Variable[], values: Values): Element {
  return { pieces: variables.map(({ name, value }) => stringify(value(values), name)), group: '' };
}

function encode(
  connector: string,
  batch: readonly Values[],
  toOne: (values: Values) => Element,
): Array<Element | UpstreamError> {
  return batch.map((values) => {
    try {
      return toOne(values);
    } catch (error) {
      return toUpstreamError(connector, error);
    }
  });
}

/** @throws {HemError} BAD_ARGUMENT for what JSON cannot say */
export function stringify(value: unknown, name: string): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new HemError('BAD_ARGUMENT', {
      publicText: `"${name}" has a value that the backend cannot be asked with.`,
      cause,
    });
  }
}

function slotPairs({ slots }: PrintedSelection, { slots: values }: CallContext): string {
  if (slots.length === 0) return '';
  return slots
    .flatMap(({ slot }) => {
      const text = stringify(values[slot], 'an argument');
      return text === undefined ? [] : [`"${slotVariable(slot)}":${text}`];
    })
    .join(',');
}

type Ask = (elements: readonly Element[]) => Promise<Reply>;

async function askAll(
  elements: ReadonlyArray<Element | UpstreamError>,
  setup: Setup,
  ask: Ask,
): Promise<readonly Outcome[]> {
  const first = elements[0];
  if (elements.length === 1 && first !== undefined) {
    return [first instanceof UpstreamError ? first : await askOne(setup, () => ask([first]))];
  }
  // Each distinct element is asked for once.
  const places = new Map<string, { readonly element: Element; readonly at: number[] }>();
  const outcomes: Outcome[] = elements.slice();
  let isOneGroup = true;
  for (let at = 0; at < elements.length; at++) {
    const element = elements[at]!;
    if (element instanceof UpstreamError) continue;
    const { pieces, group } = element;
    if (group !== '') isOneGroup = false;
    const key = pieces.length === 1 && group === '' ? pieces[0]! : `${group} ${pieces.join(',')}`;
    const known = places.get(key);
    if (known === undefined) places.set(key, { element, at: [at] });
    else known.at.push(at);
  }
  const distinct = [...places.values()];
  const groups = isOneGroup
    ? [distinct]
    : [...Map.groupBy(distinct, ({ element }) => element.group).values()];
  const chunks = groups.flatMap((group) => cut(group, setup.batchSize));
  await inTurns(chunks, setup.callsAtOnce, async (chunk) => {
    const found = await askChunk(
      chunk.map(({ element }) => element),
      setup,
      ask,
    );
    for (const [index, { at }] of chunk.entries()) for (const place of at) outcomes[place] = found[index];
  });
  return outcomes;
}

async function askOne(setup: Setup, ask: () => Promise<Reply>): Promise<Outcome> {
  try {
    return (await ask())[0]!.outcome;
  } catch (error) {
    return toUpstreamError(setup.connector, error);
  }
}

/** A backend whose root field is non-null answers nothing at all for one bad key: the others are asked for again without it. */
async function askChunk(elements: readonly Element[], setup: Setup, ask: Ask): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = new Array(elements.length);
  let left = elements.map((_, index) => index);
  for (let round = 0; left.length > 1 && round < ROUNDS; round++) {
    let reply: Reply;
    try {
      reply = await ask(left.map((index) => elements[index]!));
    } catch (error) {
      const failure = toUpstreamError(setup.connector, error);
      for (const index of left) outcomes[index] = failure;
      return outcomes;
    }
    const lost: number[] = [];
    for (const [at, index] of left.entries()) {
      const one = reply[at];
      if (one) outcomes[index] = one.outcome;
      else lost.push(index);
    }
    left = lost;
  }
  await inTurns(left, setup.callsAtOnce, async (index) => {
    outcomes[index] = await askOne(setup, () => ask([elements[index]!]));
  });
  return outcomes;
}

/** From the value of one element in `data` to its outcome: down the path inside it, and put right. */
function toFinish(connector: string, inner: readonly string[], { fix }: PrintedSelection) {
  return (value: unknown, unplaced: UpstreamError | undefined): { readonly outcome: Outcome } => {
    let inside = value;
    for (const step of inner) {
      if (typeof inside !== 'object' || inside === null || inside instanceof Error) break;
      inside = ownValue(inside, step);
    }
    if (inside === undefined || inside === null) return { outcome: toOutcome(connector, inside, unplaced) };
    if (fix !== undefined) fixRecord(inside, fix);
    return { outcome: inside };
  };
}

/** Of a value that is none: null may be the answer, undefined is none. */
function toOutcome(connector: string, value: unknown, unplaced: UpstreamError | undefined): Outcome {
  if (value instanceof Error) return value;
  if (value === null) return unplaced ?? null;
  return new UpstreamError('UPSTREAM_INVALID', connector, {
    internal: 'answered data without what was asked for',
  });
}

function ownValue(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function toReplyWithoutData(
  connector: string,
  { errors }: Answer,
  count: number,
  pathOf: (index: number) => readonly (string | number)[],
): Reply {
  const own = Array.from({ length: count }, (_, index) => {
    const path = pathOf(index);
    return errors.find((error) => path.every((step, at) => error.path[at] === step));
  });
  const isLocated = own.some((error) => error !== undefined);
  const failure =
    errors[0]?.error ??
    new UpstreamError('UPSTREAM_INVALID', connector, { internal: 'answered neither data nor an error' });
  return own.map((error) =>
    error !== undefined ? { outcome: error.error } : isLocated ? null : { outcome: failure },
  );
}

function cut<T>(list: readonly T[], size: number): T[][] {
  const pieces: T[][] = [];
  for (let start = 0; start < list.length; start += size) pieces.push(list.slice(start, start + size));
  return pieces;
}
