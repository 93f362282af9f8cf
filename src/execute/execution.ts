/** What belongs to one execution of one operation: its deadline, its loaders, its traces. */
import type DataLoader from 'dataloader';
import type { CallContext } from '../connectors/kind.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connections } from '../load/model.ts';
import type { Values } from '../mapping/values.ts';
import type { Denials } from './engine.ts';
import type { HeldBack } from './held-back.ts';
import type { Failures } from './told-errors.ts';
import type { Trace } from './trace.ts';
import { ValueCount } from './value-count.ts';

export interface Execution {
  readonly graph: ComposedGraph;
  readonly connections: Connections;
  /** Who asks, and until when. */
  readonly caller: CallContext;
  /** One loader per lookup or call and selection: what several resolvers ask in one tick is one batch. */
  readonly loaders: Map<unknown, Map<string, DataLoader<Values, unknown, string>>>;
  /** What stood in for failed backends, for `extensions.fallbacks`: added by {@link noteFallback}. */
  readonly fallbacks: FallbackTrace[];
  readonly failures: Failures;
  readonly values: ValueCount;
  /** Of an execution in parts: until when what comes later waits. */
  readonly heldBack?: HeldBack;
  /** Undefined unless the caller has asked for it. */
  readonly trace: Trace | undefined;
  /** What must not be asked for; the compiled engine plans without it. */
  readonly denied: Denials | undefined;
}

export interface FallbackTrace {
  readonly coordinate: string;
  readonly connector: string;
  readonly code: string;
  /** How old the answer is that stood in, where it was an earlier one of the backend. */
  readonly staleSeconds?: number;
}

/** Each once: a list of thousands would tell thousands that are alike. */
export function noteFallback({ fallbacks }: Pick<Execution, 'fallbacks'>, trace: FallbackTrace): void {
  const isAlike = (one: FallbackTrace) =>
    one.coordinate === trace.coordinate &&
    one.connector === trace.connector &&
    one.code === trace.code &&
    one.staleSeconds === trace.staleSeconds;
  if (!fallbacks.some(isAlike)) fallbacks.push(trace);
}

export function newExecution(
  graph: ComposedGraph,
  connections: Connections,
  caller: CallContext,
  {
    trace,
    denied,
    maxValues = Number.POSITIVE_INFINITY,
  }: Partial<Pick<Execution, 'trace' | 'denied'>> & { readonly maxValues?: number } = {},
): Execution {
  return {
    graph,
    connections,
    caller,
    loaders: new Map(),
    fallbacks: [],
    failures: { told: 0, leftOut: 0 },
    values: new ValueCount(maxValues),
    trace,
    denied,
  };
}
