/** How one field of an operation is projected: its value completed by the view's type, its name, or an error in its place. */
import {
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNullableType,
  isEnumType,
  isListType,
  isNonNullType,
  isScalarType,
} from 'graphql';
import type { HemError } from '../errors.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connector } from '../load/model.ts';
import type { View } from '../views/view.ts';
import type { CollectedField } from './collect.ts';
import { compileComplete } from './complete.ts';
import { report } from './failures.ts';
import type { ValueSource } from './object-builder.ts';
import type { ProjectedField } from './project.ts';

/** A field of the operation, and where it is in the view. */
interface Place {
  readonly collected: CollectedField;
  readonly parent: GraphQLObjectType;
  readonly type: GraphQLOutputType;
}

export class FieldProjection {
  readonly #view: View;
  readonly #connectors: ReadonlyMap<string, Connector>;

  constructor(view: View, graph: ComposedGraph) {
    this.#view = view;
    this.#connectors = new Map(graph.connectors.map((connector) => [connector.name, connector]));
  }

  value(value: ValueSource, { collected, parent, type }: Place): ProjectedField {
    const complete = compileComplete(type, {
      view: this.#view,
      ...this.#facts(collected, parent),
      connector: value.connector,
      below: value.below,
    });
    return {
      responseKey: collected.responseKey,
      constant: undefined,
      source: value.source(),
      complete,
      accepts: acceptsOf(type),
    };
  }

  /** An error without a value: nothing is fetched for it. */
  refusal(denial: HemError, { collected, parent, type }: Place): ProjectedField {
    const facts = this.#facts(collected, parent);
    return {
      responseKey: collected.responseKey,
      constant: undefined,
      source: { get: () => denial, key: undefined },
      complete: (_value, run, path) => {
        const failed = report(run, facts, denial, path);
        return isNonNullType(type) ? failed : null;
      },
      accepts: undefined,
    };
  }

  #facts({ nodes }: CollectedField, parent: GraphQLObjectType) {
    const coordinate = `${parent.name}.${nodes[0]!.name.value}`;
    return { coordinate, nodes, connectors: this.#connectors };
  }
}

export function projectTypeName(type: GraphQLObjectType, { responseKey }: CollectedField): ProjectedField {
  return {
    responseKey,
    constant: type.name,
    source: { get: () => type.name, key: undefined },
    complete: (value) => value,
    accepts: undefined,
  };
}

const ACCEPTED: ReadonlyMap<string, ProjectedField['accepts']> = new Map([
  ['String', 'string'],
  ['ID', 'string'],
  ['Boolean', 'boolean'],
  ['Int', 'int'],
  ['Float', 'float'],
]);

/** Which values are complete as they are. */
function acceptsOf(type: GraphQLOutputType): ProjectedField['accepts'] {
  const nullable = isNonNullType(type) ? getNullableType(type) : type;
  return isListType(nullable) || isEnumType(nullable) || !isScalarType(nullable)
    ? undefined
    : ACCEPTED.get(nullable.name);
}
