/** What is special about the plan of a case: read from what `explain` shows, so that it stands whatever the planner looks like inside. */
import { type DocumentNode, getNamedType, isObjectType } from 'graphql';
import type { Selection } from '../../src/connectors/kind.ts';
import type { ComposedGraph } from '../../src/graph/compose.ts';
import type { Connections, ConnectorField, Lookup } from '../../src/load/model.ts';
import { compilePlan } from '../../src/plan/compile.ts';
import { type DescribedStep, describePlan } from '../../src/plan/describe.ts';
import { NotCompiled } from '../../src/plan/plan.ts';
import type { View } from '../../src/views/view.ts';
import type { Note } from './features.ts';
import { operationNameOf, type Subject } from './subject.ts';

const LONG_CHAIN = 3;

export function notePlan(
  {
    generation,
    view,
    document,
  }: { readonly generation: Subject['generation']; readonly view: View; readonly document: DocumentNode },
  note: Note,
): void {
  const { graph } = generation;
  try {
    const plan = compilePlan(
      { view, graph, connections: listening(note) },
      document,
      operationNameOf(document),
    );
    new StepReader(known(graph), note).read(describePlan(plan).steps, []);
  } catch (error) {
    if (!(error instanceof NotCompiled)) throw error;
    note('not compiled');
  }
}

/** Connections that call nobody and look at what they would have to ask for. */
function listening(note: Note): Connections {
  return {
    get: () => ({
      compile: (_binding, selection) => {
        if (hasArguments(selection)) note('arguments inside a selection');
        return { mode: 'unary', call: async () => [] };
      },
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}

function hasArguments({ fields }: Selection): boolean {
  return fields.some(
    ({ arguments: args, selection }) =>
      args.length > 0 || (selection !== undefined && hasArguments(selection)),
  );
}

interface Known {
  readonly fields: ReadonlyMap<string, ConnectorField>;
  readonly lookups: ReadonlyMap<string, Lookup>;
}

const knownOf = new WeakMap<ComposedGraph, Known>();

function known(graph: ComposedGraph): Known {
  let result = knownOf.get(graph);
  if (result === undefined) {
    const types = graph.connectors.flatMap((connector) => [...connector.types.values()]);
    const fields = types.flatMap((type) => [...type.fields.values()]);
    const lookups = graph.connectors.flatMap((connector) => connector.lookups);
    result = {
      fields: new Map(fields.map((field) => [idOf(field.owner.connector.name, field.coordinate), field])),
      lookups: new Map(
        lookups.map((lookup) => [idOf(lookup.connector.name, lookup.field.coordinate), lookup]),
      ),
    };
    knownOf.set(graph, result);
  }
  return result;
}

class StepReader {
  readonly #note: Note;
  readonly #known: Known;
  readonly #steps = new Map<string, DescribedStep>();
  readonly #lookedUp = new Set<string>();

  constructor(known: Known, note: Note) {
    this.#known = known;
    this.#note = note;
  }

  /** @param above the connectors that were asked before */
  read(steps: readonly DescribedStep[], above: readonly string[]): void {
    for (const step of steps) this.#steps.set(step.id, step);
    for (const step of steps) {
      const earlier = step.after.flatMap((id) => this.#steps.get(id) ?? []);
      const chain = [...new Set([...above, ...earlier.map(({ connector }) => connector), step.connector])];
      if (chain.length >= LONG_CHAIN) this.#note(`a chain of ${LONG_CHAIN} connectors`);
      if (chain.length > LONG_CHAIN) this.#note(`a chain of more than ${LONG_CHAIN} connectors`);
      this.#noteArguments(step, earlier);
      if (step.kind === 'lookup') this.#noteLookup(step);
      this.read(step.steps, chain);
    }
  }

  #noteArguments(step: DescribedStep, earlier: readonly DescribedStep[]): void {
    const field = this.#fieldOf(step);
    if (field?.args.some(({ claim }) => claim !== undefined)) this.#note('argument bound to a claim');
    if (step.kind === 'stream' && isObjectType(getNamedType(field?.type)))
      this.#note('subscription to objects');
    if (!this.#requires(step)) return;
    this.#note('@require');
    if (earlier.some((other) => this.#requires(other))) this.#note('@require over two hops');
  }

  #noteLookup({ connector, field }: DescribedStep): void {
    const id = idOf(connector, field);
    const { batched, paths } = this.#known.lookups.get(id)!;
    this.#note(batched ? 'batched lookup' : 'lookup one by one');
    if (paths.length > 1) this.#note('composite key');
    if (this.#lookedUp.has(id)) this.#note('several steps share a lookup');
    this.#lookedUp.add(id);
  }

  #requires(step: DescribedStep): boolean {
    return (
      step.kind === 'call' && this.#fieldOf(step)?.args.some(({ require }) => require !== undefined) === true
    );
  }

  #fieldOf({ connector, field }: DescribedStep): ConnectorField | undefined {
    return this.#known.fields.get(idOf(connector, field));
  }
}

function idOf(connector: string, coordinate: string): string {
  return `${connector} ${coordinate}`;
}
