/** Gathers where the values of one object's fields come from, in the operation's terms; what has to be fetched for them is in its steps. */
import { getNamedType, getNullableType, isObjectType } from 'graphql';
import { rootSource } from '../execute/resolve.ts';
import type { Access, Origin } from '../graph/graph.ts';
import type { Connector, ConnectorField } from '../load/model.ts';
import type { PlanCompiler } from './compile.ts';
import { invalid } from './complete.ts';
import { type Have, toFieldSource } from './have.ts';
import { keysKnownBy } from './known-keys.ts';
import { type AskedField, type FoundBy, type ObjectPlace, ObjectSteps } from './object-steps.ts';
import { NotCompiled, type ObjectPlan, type ObjectsPlan } from './plan.ts';
import type { FieldSource, ProjectedField } from './project.ts';
import { Cell, type Run } from './run.ts';

/** Where the value of a field comes from. */
export interface ValueSource {
  readonly connector: Connector;
  /** Of object types. */
  readonly below: ObjectsPlan | undefined;
  /** Only once the object is finished: pure objects are read from bare records. */
  source(): FieldSource;
}

export class ObjectBuilder {
  readonly steps: ObjectSteps;
  /** The event of a subscription stands for the root field. */
  eventSource: { readonly field: ConnectorField; readonly slot: number } | undefined;
  eventObjects: ObjectsPlan | undefined;
  #pure = false;

  constructor(compiler: PlanCompiler, graphType: string, place: ObjectPlace) {
    this.steps = new ObjectSteps(compiler, graphType, place);
  }

  /** The value of a field at the end of a view's path. */
  value(
    asked: AskedField,
    compileBelow: (
      origin: Origin,
      declared: ConnectorField['type'],
      found: FoundBy,
    ) => ObjectsPlan | undefined,
  ): ValueSource {
    this.steps.list.asking = asked.label;
    const { field, access } = this.#find(asked.name);
    const found = this.#foundBy(field);
    const below = compileBelow(this.steps.compiler.graph.originOf(field), field.type, found);
    if (this.eventSource !== undefined) this.eventObjects = below?.pure === false ? below : undefined;
    const have = this.#have(field, access, { ...asked, ahead: found.ahead }, below);
    if (field.source.via === 'call' || below === undefined || below.pure)
      return this.#valueSource(have, below);
    return this.#valueSource(this.steps.objects(have, below, asked), below);
  }

  /** A field that a view's path leads through: `build` says what is read of the object there. */
  through(asked: AskedField, build: (inner: ObjectBuilder) => ValueSource): ValueSource {
    this.steps.list.asking = asked.label;
    const { field, access } = this.#find(asked.name);
    const type = getNamedType(field.type);
    if (!isObjectType(type)) throw new NotCompiled(`a path through the abstract type ${type.name}`);
    const found = this.#foundBy(field);
    const inner = new ObjectBuilder(this.steps.compiler, type.name, {
      origin: this.steps.compiler.graph.originOf(field),
      wanted: asked.wanted,
      found,
    });
    const value = build(inner);
    const plan = inner.finish([], inner.steps.list.steps.length === 0);
    const below: ObjectsPlan = {
      graphType: type.name,
      connector: field.owner.connector,
      pure: plan.pure,
      byType: new Map(),
      single: plan,
    };
    if (this.eventSource !== undefined) this.eventObjects = plan.pure ? undefined : below;
    let have = this.#have(field, access, { ...asked, ahead: found.ahead }, below);
    if (field.source.via !== 'call' && !plan.pure) have = this.steps.objects(have, below, asked);
    const { get } = value.source();
    const connector = field.owner.connector;
    const read = (held: unknown, run: Run): unknown => {
      if (held === null || held === undefined) return null;
      if (held instanceof Error) return held;
      if (plan.pure ? typeof held !== 'object' || Array.isArray(held) : !(held instanceof Cell))
        return invalid(connector, `no object for ${field.type}`);
      return get(held, run);
    };
    return {
      connector: value.connector,
      below: value.below,
      source: () => {
        const outer = toFieldSource(have, this.#pure);
        return { get: (source, run) => read(outer.get(source, run), run), key: undefined };
      },
    };
  }

  /** @param pure nothing has to be fetched for the object, nor for those that may stand in its place */
  finish(fields: readonly (() => ProjectedField)[], pure: boolean): ObjectPlan {
    this.#pure = pure;
    return this.steps.finish(
      fields.map((field) => field()),
      pure,
    );
  }

  /** Of mutations nothing is asked ahead: what one finds is not there before it has run. */
  #foundBy(field: ConnectorField): FoundBy {
    const isOne = isObjectType(getNullableType(field.type)) && this.eventSource === undefined;
    const mayAsk = field.source.via === 'call' && this.steps.graphType !== 'Mutation' && isOne;
    return { field, keys: mayAsk ? keysKnownBy(field) : undefined, ahead: [] };
  }

  #find(name: string): { readonly field: ConnectorField; readonly access: Access | undefined } {
    if (this.eventSource !== undefined) return { field: this.eventSource.field, access: undefined };
    if (this.steps.origin === undefined)
      return {
        field: rootSource({ graph: this.steps.compiler.graph }, this.steps.graphType, name),
        access: undefined,
      };
    const access = this.steps.compiler.graph.access(this.steps.graphType, this.steps.origin, name);
    if (access === undefined) throw new NotCompiled(`${this.steps.graphType}.${name} cannot be had`);
    return { field: access.source, access };
  }

  #have(
    field: ConnectorField,
    access: Access | undefined,
    asked: AskedField,
    below: ObjectsPlan | undefined,
  ): Have {
    if (this.eventSource === undefined) return this.steps.have(field, access, asked, below);
    const { slot } = this.eventSource;
    return { field, after: [], read: (value) => value, key: undefined, slot, routed: false };
  }

  #valueSource(have: Have, below: ObjectsPlan | undefined): ValueSource {
    return {
      connector: have.field.owner.connector,
      below,
      source: () => toFieldSource(have, this.#pure),
    };
  }
}
