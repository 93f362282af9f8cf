/** What an operation wants of the value of each field, for connectors that ask their backend only for what is selected. */
import { type GraphQLObjectType, type GraphQLOutputType, getNamedType } from 'graphql';
import type { Denials } from '../execute/engine.ts';
import { Identities } from '../execute/identities.ts';
import { addWanted, NOTHING, type Wanted, type WantedByType } from '../execute/wanted.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { View, ViewField } from '../views/view.ts';
import {
  type CollectedField,
  collectFields,
  type Fragments,
  identitiesOf,
  objectTypesOf,
  type SelectionSource,
  sourcesOf,
} from './collect.ts';
import type { FieldArguments, GraphArguments } from './field-arguments.ts';
import type { Run } from './run.ts';

/** A view's field as it is wanted. */
interface WantedPath {
  readonly viewField: ViewField;
  readonly graphArgs: GraphArguments;
  /** Of its last step. */
  readonly key: string;
}

export interface WantedOf {
  readonly view: View;
  readonly graph: ComposedGraph;
  readonly denied: Denials | undefined;
  readonly fragments: Fragments;
  readonly fieldArguments: FieldArguments;
}

export class WantedFields {
  readonly #view: View;
  readonly #graph: ComposedGraph;
  readonly #denied: Denials | undefined;
  readonly #fragments: Fragments;
  readonly #arguments: FieldArguments;
  readonly #identities = new Identities();
  readonly #bySelection = new Map<string, WantedByType>();

  constructor({ view, graph, denied, fragments, fieldArguments }: WantedOf) {
    this.#view = view;
    this.#graph = graph;
    this.#denied = denied;
    this.#fragments = fragments;
    this.#arguments = fieldArguments;
  }

  /** What is wanted of the value that each step of a field gives, for connectors that ask only for what is selected. */
  ofValue(
    type: GraphQLObjectType,
    viewField: ViewField,
    collected: CollectedField,
    graphArgs: GraphArguments,
  ): { of(step: number): WantedByType } {
    if (!this.#graph.selective) return { of: () => NOTHING };
    const field = type.getFields()[collected.nodes[0]!.name.value]!;
    const below = this.below(field.type, sourcesOf(collected));
    const { steps } = viewField;
    const typeNames = this.#arguments.typesAlong(this.#arguments.graphName(type), steps);
    const path = { viewField, graphArgs, key: this.#arguments.recordKey(type, viewField, collected) };
    const of = (step: number): WantedByType => {
      if (step >= steps.length - 1) return below;
      const wanted: Wanted = new Map();
      this.#addStep(wanted, path, { step: step + 1, owner: typeNames[step + 1]!, below: of(step + 1) });
      return new Map([[typeNames[step + 1]!, wanted]]);
    };
    return { of };
  }

  below(type: GraphQLOutputType, sources: readonly SelectionSource[]): WantedByType {
    const named = getNamedType(type);
    const key = this.#identities.keyOf([named, ...identitiesOf(sources)]);
    const known = this.#bySelection.get(key);
    if (known !== undefined) return known;
    const wanted = new Map(
      objectTypesOf(this.#view.schema, named).map((object) => [
        this.#arguments.graphName(object),
        this.#ofObject(object, sources),
      ]),
    );
    this.#bySelection.set(key, wanted);
    return wanted;
  }

  #ofObject(type: GraphQLObjectType, sources: readonly SelectionSource[]): Wanted {
    const wanted: Wanted = new Map();
    const graphName = this.#arguments.graphName(type);
    for (const collected of collectFields(this.#fragments, type, sources)) {
      const viewField = this.#view.types.get(type.name)?.fields.get(collected.nodes[0]!.name.value);
      if (viewField === undefined) continue;
      if (this.#denied?.denialOf(type.name, collected.nodes[0]!) !== undefined) continue;
      const graphArgs = this.#arguments.graphArguments(type, viewField, collected);
      const { of } = this.ofValue(type, viewField, collected, graphArgs);
      const key = this.#arguments.recordKey(type, viewField, collected);
      this.#addStep(wanted, { viewField, graphArgs, key }, { step: 0, owner: graphName, below: of(0) });
    }
    return wanted;
  }

  /** Wants one step of a view's path; the arguments are the last one's. */
  #addStep(
    wanted: Wanted,
    { viewField, graphArgs, key }: WantedPath,
    { step, owner, below }: { readonly step: number; readonly owner: string; readonly below: WantedByType },
  ): void {
    const name = viewField.steps[step]!;
    if (step < viewField.steps.length - 1 || key === name) {
      addWanted(wanted, { key: name, name, args: {}, below });
      return;
    }
    const args = Object.fromEntries(
      this.#arguments
        .argumentNames(owner, name)
        .map((argument) => [argument, (run: Run) => graphArgs(run)[argument]]),
    );
    addWanted(wanted, { key, name, args, below });
  }
}
