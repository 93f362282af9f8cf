/**
 * The contract between Hem and a connector kind. A kind is one folder here and one line in `registry.ts`; every engine
 * calls only what stands in this file.
 *
 * While loading:  `load` reads the vendored spec, `bind` checks one field's binding directive against it.
 * While serving:  `connect` opens pools, `compile` turns a binding and a selection into a call, the call runs per request.
 */
import type { DocumentNode, GraphQLInputType, GraphQLOutputType } from 'graphql';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { CacheSize } from '../bounded-cache.ts';
import type { CallContext } from '../call-context.ts';
import type { UpstreamError } from '../errors.ts';
import type { ValueOf, Values } from '../mapping/values.ts';
import type { Problem } from '../problems.ts';
import type { Breaker } from '../upstream/breaker.ts';
import type { OutgoingHeaders } from '../upstream/headers.ts';
import type { OutOfDate } from '../upstream/kept-replies.ts';
import type { Lookup } from '../upstream/shared-calls.ts';
import type { CommonSettings } from './settings.ts';

export type { CallContext };

export interface ConnectorKind<Options = unknown, Spec = unknown, Binding = unknown> {
  /** The word that connector.yml says after `kind:`. */
  readonly kind: string;
  /** One line for `hem --help` and the docs. */
  readonly summary: string;
  /** URL schemes that `endpoint` may have, e.g. ["http:", "https:"]. */
  readonly protocols: readonly string[];
  /** The keys that this kind adds to connector.yml. Strict: unknown keys are problems. */
  readonly options: z.ZodObject<z.ZodRawShape> & z.ZodType<Options>;
  /** SDL of the binding directive (named as the kind) and of the input types it needs. Every binding directive without a
   * `select` of its own gets none; where it has `select: String`, Hem applies that path to what the call returns. */
  readonly directives: string;
  /** A record field may have arguments, and only what is selected is asked for (GraphQL backends). */
  readonly selective: boolean;
  /** Which of the three uses of a binding exist. `false` makes the binding on such a root type a problem. */
  readonly supports: { readonly query: boolean; readonly mutation: boolean; readonly subscription: boolean };

  /** Reads the spec files of the connector's own folder. No network. Reports into `source`; undefined when unusable. */
  load(source: ConnectorSource<Options>): Promise<Spec | undefined>;
  /**
   * Rewrites the SDL before anything else reads it, for specs that are SDL of another dialect (Apollo Federation): into plain
   * Hem SDL with `@key`, `@lookup`, `@require` and this kind's binding directive. Nodes it makes carry the `loc` of what they come from.
   */
  translate?(document: DocumentNode, source: ConnectorSource<Options>): DocumentNode;
  /** Checks one binding directive and compiles its templates. Reports into `field`; undefined when unusable. */
  bind(field: FieldToBind, spec: Spec, source: ConnectorSource<Options>): Binding | undefined;
  /** How a call of a binding reads to people: no address, no credential, no value of a caller. */
  describe(bound: BoundField<Options, Binding>): CallDescription;
  /** Opens what serving needs. Must not wait for the backend: an unreachable one fails calls, not the start. */
  connect(setup: ConnectionSetup<Options>): Connection<Binding>;
}

/** A connector's folder while it is loaded. */
export interface ConnectorSource<Options> {
  /** The connector's name: its folder's. */
  readonly name: string;
  readonly settings: CommonSettings;
  readonly options: Options;
  /** Reads a file below the connector's folder. Reports a problem at `at` (a path into connector.yml) and gives undefined if it cannot. */
  read(path: string, at: readonly (string | number)[]): Promise<Buffer | undefined>;
  /** The absolute path of a file that `read` would read, for libraries that open files themselves. */
  locate(path: string): string;
  /** Reports a problem with a value of connector.yml. */
  report(at: readonly (string | number)[], problem: Omit<Problem, 'at'>): void;
  /** Reports a problem inside a vendored file. */
  reportIn(path: string, text: string, offset: number, problem: Omit<Problem, 'at'>): void;
}

/** One field with a binding directive. */
export interface FieldToBind {
  /** `Query.station` in the connector's own names. */
  readonly coordinate: string;
  readonly use: 'query' | 'mutation' | 'subscription' | 'field';
  /** The directive's arguments as plain data; defaults of the directive's definition are filled in. */
  readonly directive: Readonly<Record<string, unknown>>;
  /** The field's own arguments, also those that the graph does not show (`@require`, `@is(claim:)`). */
  readonly args: ReadonlyArray<{
    readonly name: string;
    readonly type: GraphQLInputType;
    readonly hasDefault: boolean;
  }>;
  /** The fields of the object that the field belongs to, for `use: 'field'`. Key fields first. */
  readonly parent: ReadonlyArray<{ readonly name: string; readonly isKey: boolean }>;
  readonly type: GraphQLOutputType;
  readonly isLookup: boolean;

  /** Compiles a directive argument of the template grammar; checks its references. Undefined after a reported problem.
   * `directiveArgument` is the path to the text, e.g. `['get']` or `['headers', 0, 'value']`. */
  template(
    directiveArgument: readonly (string | number)[],
  ): import('../mapping/template.ts').Template | undefined;
  /** Compiles a directive argument of the literal grammar; checks its references. Undefined when absent or after a reported problem. */
  literal(
    directiveArgument: readonly (string | number)[],
  ): import('../mapping/literal.ts').Literal | undefined;
  /** The value of an argument, for by-name defaults. */
  argument(name: string): ValueOf;
  /** The value of a parent's field, for by-name defaults. */
  parentField(name: string): ValueOf;
  /** Reports a problem at the directive, or at one of its arguments. `offset` counts characters within that argument's text. */
  report(
    problem: Omit<Problem, 'at'>,
    directiveArgument?: readonly (string | number)[],
    offset?: number,
  ): void;
}

/** A field whose binding was found usable, as it is described. */
export interface BoundField<Options, Binding> {
  /** The directive's arguments as plain data. */
  readonly directive: Readonly<Record<string, unknown>>;
  readonly binding: Binding;
  readonly selection: Selection;
  readonly settings: CommonSettings;
  readonly options: Options;
}

export interface CallDescription {
  /** `GET /stations/{id}`, `fleet.v1.Fleet/GetBike` */
  readonly text: string;
  /** The GraphQL document that is sent, for one element of a batch. */
  readonly document?: string;
  /** How many elements of a batch one backend call takes. */
  readonly batchSize: number;
  /** How many calls of a batch are under way at the same time. */
  readonly callsAtOnce: number;
}

export interface ConnectionSetup<Options> {
  readonly name: string;
  readonly settings: CommonSettings;
  readonly options: Options;
  /** Static, credential and forwarded headers of one call. */
  readonly headers: OutgoingHeaders;
  /** Has to be asked before each call that leaves for the backend, and told what became of it; undefined where there is none. */
  readonly breaker: Breaker | undefined;
  /** What is known to be out of date of what this backend has answered. */
  readonly outOfDate: OutOfDate;
  /** Told of each call that could have been answered from what is kept of the backend. */
  readonly onLookup?: ((lookup: Lookup) => void) | undefined;
  /** Given what tells how full it is, where answers of the backend are kept. */
  readonly onKeeping?: ((size: () => CacheSize) => void) | undefined;
  readonly log: Logger;
}

export interface Connection<Binding> extends AsyncDisposable {
  /** Pure: may be called once per operation and kept. */
  compile(binding: Binding, selection: Selection): CompiledCall;
}

/** What is read from the records that a call returns. Only selective kinds look at it. */
export interface Selection {
  readonly fields: readonly SelectedField[];
}

export interface SelectedField {
  /** Under which key the record has to carry the value: the name, unless arguments make it ambiguous. */
  readonly key: string;
  readonly name: string;
  /** Values come per request from `CallContext.slots`. `type` is printed SDL, e.g. "[ID!]!". */
  readonly arguments: ReadonlyArray<{ readonly name: string; readonly type: string; readonly slot: number }>;
  /** Present when the field is asked only of this concrete type. */
  readonly on?: string;
  /** Of object types. */
  readonly selection?: Selection;
}

export type CompiledCall = UnaryCall | StreamCall;

export interface UnaryCall {
  readonly mode: 'unary';
  /**
   * One outcome per element of the batch, in its order. How many backend calls that makes is the kind's affair.
   * @param onOutcome told of each element that is there before all are, where the kind asks for one at a time
   * @throws only what concerns the whole batch; an element's own failure is an UpstreamError in its place
   */
  call(batch: readonly Values[], context: CallContext, onOutcome?: OnOutcome): Promise<readonly Outcome[]>;
  /** No kind has it: what counts calls adds it. Told by whoever asks what a batch came to, and when it was asked (`performance.now()`). */
  ended?(outcomes: readonly Outcome[], startedAt: number, context: CallContext): void;
  /** What keeps the backend from being asked with these: whatever `call` finds out before anything leaves. Asks nothing. */
  problemWith?(values: Values): UpstreamError | undefined;
}

/** @param index in the batch */
export type OnOutcome = (index: number, outcome: Outcome) => void;

/** A record, a list of records, a scalar, null, or the failure. */
export type Outcome = unknown | UpstreamError;

export interface StreamCall {
  readonly mode: 'stream';
  /** Ends when `context.signal` aborts or the consumer returns. A gap after a reconnect is delivered as a {@link StreamGap}. */
  open(values: Values, context: CallContext): AsyncIterable<unknown>;
}

/** An event that says: the stream was interrupted and events may be missing. */
export class StreamGap {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}
