/** The resolver of one field of a view, for the reference engine. */
import {
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  getNamedType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { HemError, UpstreamError } from '../errors.ts';
import type { Connector } from '../load/model.ts';
import { textOf } from '../mapping/text-of.ts';
import type { View, ViewField } from '../views/view.ts';
import type { Execution } from './execution.ts';
import { toFieldError } from './field-errors.ts';
import { fieldsBelow } from './fields-below.ts';
import { ObjectValue } from './object-value.ts';
import { type Resolved, resolveField, resolveRoot, resolveStream } from './resolve.ts';
import { streamedAsAsked } from './streamed-list.ts';
import { tells } from './told-errors.ts';
import { typesAlong, wantedAlong, wantedBelow } from './view-selection.ts';
import { NOTHING, type WantedByType } from './wanted.ts';

/** Whose value is completed, and where. */
interface ValueAt {
  readonly connector: Connector;
  readonly execution: Execution;
  readonly info: GraphQLResolveInfo;
}

export type Arguments = Readonly<Record<string, unknown>>;

/** An object with its type's name in the view. */
export class Completed {
  readonly object: ObjectValue;
  readonly typeName: string;
  constructor(object: ObjectValue, typeName: string) {
    this.object = object;
    this.typeName = typeName;
  }
}

/** What the steps of a field are resolved with: the last one takes the arguments. */
interface Prepared {
  readonly first: ViewField['steps'][number];
  readonly firstArgs: Arguments;
  readonly graphArgs: Arguments;
  readonly wanted: { of(step: number): WantedByType };
}

/** One field of the view: the values of its steps, checked and completed for the caller. */
export class FieldResolver {
  readonly #view: View;
  readonly #graphType: string;
  readonly #field: ViewField;
  readonly #coordinate: string;
  readonly #connectors: ReadonlyMap<string, Connector>;

  constructor(
    view: View,
    graphType: string,
    field: ViewField,
    coordinate: string,
    connectors: ReadonlyMap<string, Connector>,
  ) {
    this.#view = view;
    this.#graphType = graphType;
    this.#field = field;
    this.#coordinate = coordinate;
    this.#connectors = connectors;
  }

  root(typeName: string, args: Arguments, execution: Execution, info: GraphQLResolveInfo): Promise<unknown> {
    return this.#resolved(args, execution, info, ({ first, firstArgs, wanted }) => {
      // What was read before something is written is not what is read after it.
      if (typeName === 'Mutation') execution.loaders.clear();
      return resolveRoot(execution, typeName, first, firstArgs, wanted.of(0));
    });
  }

  field(
    object: ObjectValue,
    args: Arguments,
    execution: Execution,
    info: GraphQLResolveInfo,
  ): Promise<unknown> {
    return this.#resolved(args, execution, info, ({ first, firstArgs, wanted }) =>
      resolveField(execution, object, first, firstArgs, wanted.of(0)),
    );
  }

  async *events(
    args: Arguments,
    execution: Execution,
    info: GraphQLResolveInfo,
  ): AsyncGenerator<Resolved, void> {
    const { first, firstArgs, wanted } = this.#prepare(args, execution, info);
    try {
      yield* resolveStream(execution, first, firstArgs, wanted.of(0));
    } catch (error) {
      throw toFieldError(error, this.#coordinate, this.#connectors, execution);
    }
  }

  event(
    resolved: Resolved,
    args: Arguments,
    execution: Execution,
    info: GraphQLResolveInfo,
  ): Promise<unknown> {
    return this.#located(execution, info, async () => {
      const { graphArgs, wanted } = this.#prepare(args, execution, info);
      return this.#finish(await this.#follow(execution, resolved, graphArgs, wanted), execution, info);
    });
  }

  /** Unless it is denied, and no sooner than what is deferred begins. */
  #resolved(
    args: Arguments,
    execution: Execution,
    info: GraphQLResolveInfo,
    resolveFirst: (prepared: Prepared) => Promise<Resolved>,
  ): Promise<unknown> {
    return this.#located(execution, info, async () => {
      refuseDenied(execution, info);
      const { heldBack } = execution;
      if (heldBack?.isDeferred(info)) await heldBack.begins;
      const prepared = this.#prepare(args, execution, info);
      const { graphArgs, wanted } = prepared;
      const resolved = await resolveFirst(prepared);
      return this.#finish(await this.#follow(execution, resolved, graphArgs, wanted), execution, info);
    });
  }

  #prepare(args: Arguments, execution: Execution, info: GraphQLResolveInfo): Prepared {
    const { steps, toGraphArguments } = this.#field;
    const graphArgs = toGraphArguments({ args, claims: execution.caller.claims });
    const below = execution.graph.selective ? wantedBelow(execution, this.#view, info) : NOTHING;
    const typeAt = typesAlong(execution, this.#graphType, steps);
    /** What is wanted of the value that a step gives. */
    const of = (step: number): WantedByType =>
      !execution.graph.selective || step === steps.length - 1
        ? below
        : wantedAlong((index) => typeAt(index + step + 1), steps.slice(step + 1), graphArgs, below);
    return { first: steps[0]!, firstArgs: steps.length === 1 ? graphArgs : {}, graphArgs, wanted: { of } };
  }

  /** The steps of a flattened path after the first. */
  async #follow(
    execution: Execution,
    start: Resolved,
    graphArgs: Arguments,
    wanted: Prepared['wanted'],
  ): Promise<Resolved> {
    const { steps } = this.#field;
    let resolved = start;
    for (let step = 1; step < steps.length; step++) {
      if (resolved.value instanceof Error) throw resolved.value;
      if (!(resolved.value instanceof ObjectValue)) return { value: null, connector: resolved.connector };
      resolved = await resolveField(
        execution,
        resolved.value,
        steps[step]!,
        step === steps.length - 1 ? graphArgs : {},
        wanted.of(step),
      );
    }
    return resolved;
  }

  #finish({ value, connector }: Resolved, execution: Execution, info: GraphQLResolveInfo): unknown {
    const completed = this.#complete(value, info.returnType, { connector, execution, info });
    if (completed instanceof Error) throw completed;
    const { heldBack } = execution;
    return heldBack === undefined ? completed : streamedAsAsked(completed, info, heldBack);
  }

  /** Checks a value against the view's type, so that what does not fit is the connector's error and not the gateway's. */
  #complete(value: unknown, type: GraphQLOutputType, at: ValueAt): unknown {
    const { execution } = at;
    if (value instanceof Error) return toFieldError(value, this.#coordinate, this.#connectors, execution);
    if (isNonNullType(type)) {
      const inner = this.#complete(value, type.ofType, at);
      return inner ?? this.#invalid(at, `null for ${type}`);
    }
    if (value === null || value === undefined) return null;
    if (isListType(type)) {
      if (!Array.isArray(value)) return this.#invalid(at, `no list for ${type}`);
      const { values } = execution;
      if (!values.take(value.length * (1 + fieldsBelow(at.info)))) return this.#tooMany(execution);
      return value.map((item) => this.#complete(item, type.ofType, at));
    }
    const name = getNamedType(type).name;
    if (isLeafType(type)) {
      if (isEnumType(type)) return this.#enumValue(name, value, at);
      // A scalar of a connector's own may be a whole tree, under many names.
      if (typeof value === 'object' && execution.values.isOver) return this.#tooMany(execution);
      let completed: unknown;
      try {
        completed = type.coerceOutputValue(value);
      } catch (cause) {
        return this.#invalid(at, `no ${name}: ${String((cause as Error).message)}`);
      }
      return execution.values.takeAll(completed) ? completed : this.#tooMany(execution);
    }
    if (!(value instanceof ObjectValue)) return this.#invalid(at, `no object for ${type}`);
    const typeName = isObjectType(type)
      ? type.name
      : this.#view.types.get(name)?.possible.get(value.typeName);
    if (typeName === undefined) return this.#hidden(at);
    return new Completed(value, typeName);
  }

  #enumValue(name: string, value: unknown, at: ValueAt): unknown {
    const { connector } = at;
    const toView = this.#view.types.get(name)?.enumToView;
    const graphName = this.#view.types.get(name)?.graphName ?? name;
    const known = connector.types.get(graphName)?.type;
    if (isEnumType(known) && known.getValue(textOf(value)) === undefined)
      return this.#invalid(at, `"${textOf(value)}" is no ${graphName}`);
    if (toView === undefined) return value;
    return toView.get(textOf(value)) ?? this.#hidden(at);
  }

  #invalid({ connector, execution }: ValueAt, internal: string): Error {
    return toFieldError(
      new UpstreamError('UPSTREAM_INVALID', connector.name, { internal }),
      this.#coordinate,
      this.#connectors,
      execution,
    );
  }

  #tooMany(execution: Execution): Error {
    return toFieldError(execution.values.refusal(), this.#coordinate, this.#connectors, execution);
  }

  #hidden({ connector, execution }: ValueAt): Error {
    return toFieldError(
      new HemError('HIDDEN_VALUE', { internal: connector.name }),
      this.#coordinate,
      this.#connectors,
      execution,
    );
  }

  async #located(
    execution: Execution,
    { returnType }: GraphQLResolveInfo,
    resolve: () => Promise<unknown>,
  ): Promise<unknown> {
    try {
      return await resolve();
    } catch (error) {
      if (!isNonNullType(returnType) && !tells(execution.failures)) return null;
      throw error instanceof Error && 'extensions' in error
        ? error
        : toFieldError(error, this.#coordinate, this.#connectors, execution);
    }
  }
}

/** @throws {HemError} */
function refuseDenied({ denied }: Execution, { parentType, fieldNodes }: GraphQLResolveInfo): void {
  const denial = denied?.denialOf(parentType.name, fieldNodes[0]!);
  if (denial !== undefined) throw denial;
}
