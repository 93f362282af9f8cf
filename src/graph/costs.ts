/** What the graph costs: the weights that all connectors give, of which the highest counts, of interfaces and of what implements them. */
import {
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
} from 'graphql';
import type { ListSize } from '../load/directives/cost.ts';
import type { Quota } from '../load/directives/quota.ts';
import type { ConnectorField } from '../load/model.ts';
import type { Graph } from './graph.ts';

/** Objects cost something, what they are made of does not. */
const OBJECT_WEIGHT = 1;
/** Of a root field of mutations of which nothing is said. */
const MUTATION_WEIGHT = 10;

export interface GraphFieldCost {
  /** Each time that it is asked for. */
  readonly weight: number;
  readonly listSize: ListSize | undefined;
  readonly quotas: readonly Quota[];
}

/** What a field's arguments cost, by their values. */
export type WeighArguments = (args: Readonly<Record<string, unknown>>) => number;

export class GraphCosts {
  readonly #graph: Pick<Graph, 'schema' | 'types'>;

  constructor(graph: Pick<Graph, 'schema' | 'types'>) {
    this.#graph = graph;
  }

  /** Of each value of a type; of an abstract one the dearest that it may be. */
  weightOfType(name: string): number {
    const type = this.#graph.schema.getType(name);
    if (isAbstractType(type))
      return Math.max(
        0,
        ...this.#graph.schema.getPossibleTypes(type).map((each) => this.weightOfType(each.name)),
      );
    const given = (this.#graph.types.get(name)?.sources ?? []).flatMap(({ weight }) => weight ?? []);
    if (given.length > 0) return Math.max(...given);
    return isObjectType(type) ? OBJECT_WEIGHT : 0;
  }

  /** Of a field that is asked of an object, whichever type it has. */
  ofField(typeName: string, fieldName: string): GraphFieldCost {
    const sources = this.#sources(typeName, fieldName);
    const weights = sources.flatMap(({ weight }) => weight ?? []);
    const preset = typeName === 'Mutation' ? MUTATION_WEIGHT : 0;
    return {
      weight: weights.length === 0 ? preset : Math.max(...weights),
      listSize: sources.find(({ listSize }) => listSize !== undefined)?.listSize,
      quotas: [...new Set(sources.flatMap(({ quotas }) => quotas))],
    };
  }

  /** Undefined where none of them costs anything, whatever they are. */
  weighArguments(typeName: string, fieldName: string): WeighArguments | undefined {
    const owner = this.#graph.schema.getType(typeName);
    const field = isObjectType(owner) || isInterfaceType(owner) ? owner.getFields()[fieldName] : undefined;
    const sources = this.#sources(typeName, fieldName);
    const parts = (field?.args ?? []).flatMap(({ name, type }) => {
      const own = Math.max(
        0,
        ...sources.flatMap(({ args }) =>
          args.flatMap((each) => (each.name === name ? (each.weight ?? 0) : [])),
        ),
      );
      return own > 0 || this.#mayCost(type) ? [{ name, type, own }] : [];
    });
    if (parts.length === 0) return undefined;
    return (args) => {
      let sum = 0;
      for (const { name, type, own } of parts) {
        const value = Object.hasOwn(args, name) ? args[name] : undefined;
        if (value !== undefined && value !== null) sum += own + this.#weigh(value, type);
      }
      return sum;
    };
  }

  #weigh(value: unknown, type: GraphQLInputType): number {
    if (value === undefined || value === null) return 0;
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      const items: readonly unknown[] = Array.isArray(value) ? value : [value];
      return items.reduce<number>((sum, item) => sum + this.#weigh(item, nullable.ofType), 0);
    }
    let sum = this.weightOfType(nullable.name);
    if (!isInputObjectType(nullable) || typeof value !== 'object') return sum;
    for (const field of Object.values(nullable.getFields())) {
      const inner = Object.hasOwn(value, field.name)
        ? (value as Record<string, unknown>)[field.name]
        : undefined;
      if (inner !== undefined && inner !== null)
        sum += this.#inputWeight(nullable.name, field.name) + this.#weigh(inner, field.type);
    }
    return sum;
  }

  /** Whether anything that may be inside costs something. */
  #mayCost(type: GraphQLInputType): boolean {
    const seen = new Set<string>();
    const pending = [getNamedType(type)];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (seen.has(next.name)) continue;
      seen.add(next.name);
      if (this.weightOfType(next.name) > 0) return true;
      if (!isInputObjectType(next)) continue;
      for (const field of Object.values(next.getFields())) {
        if (this.#inputWeight(next.name, field.name) > 0) return true;
        pending.push(getNamedType(field.type));
      }
    }
    return false;
  }

  #inputWeight(typeName: string, fieldName: string): number {
    const sources = this.#graph.types.get(typeName)?.sources ?? [];
    return Math.max(0, ...sources.map(({ inputWeights }) => inputWeights.get(fieldName) ?? 0));
  }

  #sources(typeName: string, fieldName: string): readonly ConnectorField[] {
    const type = this.#graph.schema.getType(typeName);
    const possible = isAbstractType(type) ? this.#graph.schema.getPossibleTypes(type) : [];
    const names = [typeName, ...possible.map(String)].flatMap((name) => {
      const one = this.#graph.schema.getType(name);
      return isObjectType(one) || isInterfaceType(one)
        ? [name, ...one.getInterfaces().map((each) => each.name)]
        : [name];
    });
    return [...new Set(names)].flatMap(
      (name) => this.#graph.types.get(name)?.fields.get(fieldName)?.sources ?? [],
    );
  }
}
