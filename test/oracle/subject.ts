/** What is compared: both engines on every view of a configuration, over connections to real backends. */

import type { DocumentNode, ExecutionResult } from 'graphql';
import { type FormattedExecutionResult, GraphQLError, Kind, parse, specifiedRules, validate } from 'graphql';
import { pino } from 'pino';
import { CallContext } from '../../src/call-context.ts';
import { Cancellation } from '../../src/cancellation.ts';
import { OpenConnections } from '../../src/connections.ts';
import type { Engine, Operation } from '../../src/execute/engine.ts';
import { referenceEngine } from '../../src/execute/reference.ts';
import { type Generation, loadGeneration } from '../../src/generation.ts';
import type { Environment } from '../../src/load/environment.ts';
import type { Connector } from '../../src/load/model.ts';
import { DeadlineOfParts } from '../../src/operation/deadline.ts';
import { format, formatError } from '../../src/operation/format.ts';
import { partsOf } from '../../src/operation/parts.ts';
import { compiledEngine } from '../../src/plan/compiled.ts';
import { KeptPlans } from '../../src/plan/kept-plans.ts';
import type { View } from '../../src/views/view.ts';
import type { ReceivedPart } from '../support/merge-parts.ts';
import { FAULTS_HEADER } from './faults.ts';

/** One operation with everything that its answer depends on. */
export interface Case {
  readonly view: string;
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Variables of a second request with the same document at the same time. */
  readonly again?: Readonly<Record<string, unknown>> | undefined;
  /** Who sends that one; by default who sends the first. */
  readonly againAs?: Readonly<Record<string, unknown>> | undefined;
  /** `seed:permille`; absent for backends without faults. */
  readonly faults?: string | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

export interface Subject extends AsyncDisposable {
  readonly generation: Generation;
  readonly connections: OpenConnections;
  readonly views: ReadonlyMap<string, View>;
  /** Both engines' answers. A subscription's are all its events. */
  answer(engine: 'compiled' | 'reference', one: Case): Promise<readonly FormattedExecutionResult[]>;
  /** The parts in which the answer comes where something is deferred or streamed, as they would be sent. */
  answerInParts(one: Case): Promise<readonly ReceivedPart[]>;
  /** How many operations the compiled engine handed on. */
  notCompiled(): number;
}

function withoutBreaker({ settings }: Connector): Connector['settings'] {
  return { ...settings, resilience: { breaker: { ...settings.resilience.breaker, enabled: false } } };
}

export const MAX_EVENTS = 20;
const MAX_DOCUMENTS = 100;
const DEADLINE_MS = 60_000;

export async function openSubject(directory: string, environment: Environment): Promise<Subject> {
  const generation = await loadGeneration(directory, environment);
  const { graph } = generation;
  // What a call comes to must depend on that call alone.
  const connectors = graph.connectors.map((connector) => ({
    ...connector,
    settings: withoutBreaker(connector),
  }));
  const connections = new OpenConnections(connectors, pino({ level: 'silent' }));
  const views = new Map(generation.views.map((view) => [view.client.name, view]));
  const plans = new KeptPlans();
  const engines = new Map(
    generation.views.map((view) => {
      const reference = referenceEngine(view, graph, connections);
      return [
        view.client.name,
        { reference, compiled: compiledEngine(view, graph, connections, { reference, plans }) },
      ];
    }),
  );
  const documents = new Documents();
  return {
    generation,
    connections,
    views,
    answer(engine, one) {
      const document = documents.of(views.get(one.view)!, one.document);
      return run(
        engines.get(one.view)![engine],
        { document, operationName: operationNameOf(document), variables: one.variables },
        one,
      );
    },
    async answerInParts(one) {
      const document = documents.of(views.get(one.view)!, one.document);
      const { compiled } = engines.get(one.view)!;
      const operation = { document, operationName: operationNameOf(document), variables: one.variables };
      return inParts(compiled, operation, one);
    },
    notCompiled: () => [...engines.values()].reduce((sum, { compiled }) => sum + compiled.notCompiled(), 0),
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  };
}

/** Engines keep plans by document: the same text has to be the same document. */
class Documents {
  readonly #kept = new Map<string, DocumentNode>();

  /** @throws when it is not valid */
  of({ client, schema }: View, text: string): DocumentNode {
    const id = `${client.name} ${text}`;
    const known = this.#kept.get(id);
    if (known !== undefined) return known;
    const document = parse(text);
    const errors = validate(schema, document, specifiedRules);
    if (errors.length > 0) throw new Error(`not valid: ${errors.map(({ message }) => message).join('; ')}`);
    if (this.#kept.size >= MAX_DOCUMENTS) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(id, document);
    return document;
  }
}

/** Of several operations the first is asked for. */
export function operationNameOf({ definitions }: DocumentNode): string | undefined {
  const names = definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION ? [node.name?.value] : [],
  );
  return names.length > 1 ? names[0] : undefined;
}

async function run(
  engine: Engine,
  operation: Operation,
  one: Case,
): Promise<readonly FormattedExecutionResult[]> {
  const over = new Cancellation();
  const timer = setTimeout(() => over.cancel(), DEADLINE_MS);
  const caller = callerOf(one, over);
  const finish = (result: ExecutionResult) => format(result, { requestId: 'oracle' });
  try {
    const { operation: kind } = operation.document.definitions[0] as { operation?: string };
    if (kind !== 'subscription') return [finish(await engine.execute(operation, caller))];
    const events = await engine.subscribe(operation, caller, (execute) => execute(caller));
    if (!(Symbol.asyncIterator in events)) return [finish(events)];
    const results: FormattedExecutionResult[] = [];
    for await (const event of events) if (results.push(finish(event)) >= MAX_EVENTS) break;
    return results;
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    return [
      finish({
        errors: [error instanceof GraphQLError ? error : new GraphQLError('', { originalError: cause })],
      }),
    ];
  } finally {
    clearTimeout(timer);
  }
}

async function inParts(engine: Engine, operation: Operation, one: Case): Promise<readonly ReceivedPart[]> {
  const time = new DeadlineOfParts(DEADLINE_MS, new Cancellation());
  const read = (error: GraphQLError) => formatError(error, false, 'oracle');
  const outcome = await time.wait(engine.executeIncrementally(operation, callerOf(one, time.deadline)));
  if (!('initialResult' in outcome)) {
    time.end();
    return [format(outcome, { requestId: 'oracle' }) as ReceivedPart];
  }
  const parts: unknown[] = [];
  const errors = {
    format: (list: readonly GraphQLError[]) => list.map(read),
    ofFailure(error: unknown): never {
      throw error;
    },
  };
  for await (const part of partsOf(outcome, time, errors)) parts.push(part);
  return JSON.parse(JSON.stringify(parts));
}

function callerOf({ faults, claims }: Case, over: Cancellation): CallContext {
  const headers: Record<string, string> = faults === undefined ? {} : { [FAULTS_HEADER]: faults };
  return new CallContext({ requestId: 'oracle', headers }, over, {
    deadlineAt: performance.now() + DEADLINE_MS,
    claims: claims ?? {},
  });
}
