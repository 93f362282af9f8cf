/** What has to be fetched for one object: calls of its fields, lookups of its records elsewhere, objects taken out of its values. */
import { getNamedType, isLeafType } from 'graphql';
import { keyReaderOf } from '../execute/calls.ts';
import { toGiven, toGivenKey } from '../execute/given.ts';
import { MAX_BATCH } from '../execute/unary-call.ts';
import type { WantedByType } from '../execute/wanted.ts';
import type { Access, Origin, Route } from '../graph/graph.ts';
import type { ConnectorField, Lookup } from '../load/model.ts';
import { canonical } from '../mapping/canonical.ts';
import type { PlanCompiler } from './compile.ts';
import type { GraphArguments } from './field-arguments.ts';
import { type Have, readerOf, toCellValue } from './have.ts';
import { mappedValueOf, plainValueOf } from './into-calls.ts';
import { aheadArguments, type KnownKeys } from './known-keys.ts';
import { listLevels } from './list-levels.ts';
import type { ObjectPlan, ObjectsPlan } from './plan.ts';
import { compileProjection, type ProjectedField } from './project.ts';
import { type CallWork, runCalls } from './step-calls.ts';
import { StepList } from './step-list.ts';
import { type AskedAhead, type LookupWork, runLookups } from './step-lookups.ts';
import { runObjects } from './steps.ts';

/** A graph field that is asked of the object. */
export interface AskedField {
  readonly name: string;
  /** Response key, for `explain`. */
  readonly label: string;
  readonly args: GraphArguments;
  /** Under which key the record carries it. */
  readonly key: string;
  /** Of the value. */
  readonly wanted: WantedByType;
  /** Whether it depends on a variable that it is asked. */
  readonly conditional: boolean;
  /** Lookups of what is found that need not wait for it. */
  readonly ahead?: readonly AskedAhead[];
}

/** How an object is found: which of its keys the call knows, and what may therefore be asked ahead. */
export interface FoundBy {
  /** The call, or the field of a record. */
  readonly field: ConnectorField;
  readonly keys: KnownKeys | undefined;
  /** Filled while the object is compiled. */
  readonly ahead: AskedAhead[];
}

/** Where an object stands in an operation. */
export interface ObjectPlace {
  /** Undefined for root types. */
  readonly origin: Origin | undefined;
  readonly wanted: WantedByType;
  readonly found: FoundBy | undefined;
}

export class ObjectSteps {
  readonly compiler: PlanCompiler;
  readonly graphType: string;
  /** Undefined for root types. */
  readonly origin: Origin | undefined;
  readonly wanted: WantedByType;
  readonly found: FoundBy | undefined;
  readonly list = new StepList();
  readonly #routes = new Map<Lookup, { readonly slot: number; readonly step: number }>();
  readonly #calls = new Map<string, Have>();
  #slots = 0;

  constructor(compiler: PlanCompiler, graphType: string, { origin, wanted, found }: ObjectPlace) {
    this.compiler = compiler;
    this.graphType = graphType;
    this.origin = origin;
    this.wanted = wanted;
    this.found = found;
  }

  newSlot(): number {
    return this.#slots++;
  }

  /** Steps of objects inside of this one, which its calls are fed from. @param field whose value they are */
  inner(graphType: string, field: ConnectorField, wanted: WantedByType): ObjectSteps {
    const origin = this.compiler.graph.originOf(field);
    const inner = new ObjectSteps(this.compiler, graphType, { origin, wanted, found: undefined });
    inner.list.asking = this.list.asking;
    return inner;
  }

  /** Adds what has to be fetched for a field. @param access undefined for root fields */
  have(
    field: ConnectorField,
    access: Access | undefined,
    asked: AskedField,
    below: ObjectsPlan | undefined,
  ): Have {
    if (field.source.via === 'call') return this.#sharedCall(field, access?.parent ?? [], asked, below);
    const { read, key } = readerOf(field, asked.key, access?.route === undefined ? this.origin : undefined);
    if (access?.route === undefined) return { field, after: [], read, key, slot: undefined, routed: false };
    const { slot, step } = this.#route(access.route, asked.conditional);
    return { field, after: [step], read, key: undefined, slot, routed: true };
  }

  /** Fields that come from the same call with the same arguments share it, where its answer is the same whatever is selected. */
  #sharedCall(
    field: ConnectorField,
    parents: Access['parent'],
    asked: AskedField,
    below: ObjectsPlan | undefined,
  ): Have {
    const shareable =
      below?.pure !== false && !field.owner.connector.kind.selective && this.graphType !== 'Mutation';
    if (!shareable) return this.#call(field, parents, asked, below);
    const id = `${field.coordinate} ${asked.key}`;
    const known = this.#calls.get(id);
    if (known === undefined) {
      const have = this.#call(field, parents, asked, below);
      this.#calls.set(id, have);
      return have;
    }
    for (const step of known.after) this.list.use(step, asked.conditional);
    return known;
  }

  #call(
    field: ConnectorField,
    parents: Access['parent'],
    asked: AskedField,
    below: ObjectsPlan | undefined,
  ): Have {
    const parent = parents.map(({ name, access }) => ({
      name,
      ...plainValueOf(this, access, asked.conditional),
    }));
    const required = field.args.flatMap(({ name, require }) =>
      require === undefined
        ? []
        : [
            {
              name,
              give: toGiven(field, name),
              ...mappedValueOf(this, require, { conditional: asked.conditional }),
            },
          ],
    );
    const slot = this.newSlot();
    const call = this.compiler.backendCall(field, asked.wanted);
    const alone = this.graphType === 'Mutation';
    const work: CallWork = {
      call,
      sharedAs: alone ? undefined : this.compiler.sharedLoads.add('call', field, call.selectionId),
      slot,
      args: asked.args,
      parent,
      required,
      below: below?.pure === false ? below : undefined,
      ahead: asked.ahead ?? [],
    };
    const step = this.list.add({
      after: [...parent, ...required].flatMap(({ after }) => after),
      conditional: asked.conditional,
      what: {
        kind: 'call',
        connector: field.owner.connector.name,
        field: field.coordinate,
        describe: call.describe,
        sharedAs: work.sharedAs,
        batchSize: undefined,
        label: asked.label,
        ahead: false,
        lists: listLevels(field.type),
        why:
          this.origin === undefined
            ? 'a root field'
            : `a field with a call of its own, fed by ${[...parents.map(({ name }) => name), ...required.map(({ name }) => `${name} (required)`)].join(', ') || 'nothing of its parent'}`,
        below,
      },
      slot,
      run: (cells, run) => runCalls(work, cells, run),
    });
    return { field, after: [step], read: (value) => value, key: undefined, slot, routed: false };
  }

  #route(route: Route, conditional: boolean): { readonly slot: number; readonly step: number } {
    const { lookup } = route;
    const known = this.#routes.get(lookup);
    if (known !== undefined) {
      this.list.use(known.step, conditional);
      return known;
    }
    const keys = lookup.arguments.map((argument) => ({
      name: argument.name,
      list: argument.list,
      give: toGivenKey(lookup, argument),
      ...mappedValueOf(this, argument.map, { known: route.keys, conditional }),
    }));
    const slot = this.newSlot();
    const call = this.compiler.lookupCall(lookup, this.origin!, this.wanted);
    // One key at a time asks the same as a call of the field.
    const asks = lookup.batched ? 'lookup' : 'call';
    const sharedAs = this.compiler.sharedLoads.add(asks, lookup.field, call.selectionId);
    const [only] = keys.length === 1 ? lookup.arguments : [];
    const work: LookupWork = {
      lookup,
      call,
      slot,
      keys,
      textOf: only === undefined ? canonical : keyText(lookup, only),
      recordKey: lookup.batched
        ? { read: keyReaderOf(lookup), textOf: keyText(lookup, lookup.arguments.find(({ list }) => list)!) }
        : undefined,
      sharedAs,
    };
    const argumentsOf = this.found?.keys && aheadArguments(lookup, this.found.keys);
    const step = this.list.add({
      after: keys.flatMap(({ after }) => after),
      conditional,
      what: {
        kind: 'lookup',
        connector: lookup.connector.name,
        field: lookup.field.coordinate,
        describe: call.describe,
        sharedAs,
        // Keys that differ in other arguments go apart.
        batchSize: !lookup.batched ? undefined : lookup.arguments.length === 1 ? MAX_BATCH : 1,
        label: this.graphType,
        ahead: argumentsOf !== undefined,
        lists: 0,
        why: `${lookup.connector.name} knows these fields of ${this.graphType}, and finds it by ${lookup.paths.join(', ')}`,
        below: undefined,
      },
      slot,
      run: (cells, run) => runLookups(work, cells, run),
    });
    if (argumentsOf !== undefined)
      this.found!.ahead.push({ work, argumentsOf, step: this.list.steps[step]! });
    const added = { slot, step };
    this.#routes.set(lookup, added);
    return added;
  }

  /** Takes objects out of a value into cells, because something has to be fetched for them. */
  objects(
    have: Have,
    below: ObjectsPlan,
    { conditional, label }: Pick<AskedField, 'conditional' | 'label'>,
  ): Have {
    const slot = this.newSlot();
    const { field } = have;
    const value = toCellValue(have);
    const step = this.list.add({
      after: have.after,
      conditional,
      what: {
        kind: 'objects',
        connector: field.owner.connector.name,
        field: field.coordinate,
        describe: undefined,
        sharedAs: undefined,
        batchSize: undefined,
        label,
        ahead: false,
        lists: listLevels(field.type),
        why: `takes ${getNamedType(field.type).name} out of the answer, because more is fetched for it`,
        below,
      },
      slot,
      run: (cells, run) => runObjects({ slot, value, type: field.type, below }, cells, run),
    });
    return { field, after: [step], read: (held) => held, key: undefined, slot, routed: false };
  }

  /** @param pure nothing has to be fetched for the object, nor for those that may stand in its place */
  finish(fields: readonly ProjectedField[], pure: boolean): ObjectPlan {
    return {
      graphType: this.graphType,
      pure,
      slots: this.#slots,
      steps: this.list.steps,
      project: compileProjection(fields, pure),
    };
  }
}

/** Texts of keys that an argument takes: equal for equal keys, whatever their wire form. */
function keyText({ field }: Lookup, { name }: Lookup['arguments'][number]): (key: unknown) => string {
  const type = field.args.find((argument) => argument.name === name)?.type;
  if (type === undefined || !isLeafType(getNamedType(type))) return canonical;
  // A scalar of one's own may be an object: its text is no other key's.
  return (key) => (typeof key === 'object' ? `\0${canonical(key)}` : String(key));
}
