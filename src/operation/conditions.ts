/** The values of the variables on which `@skip` and `@include` of one operation stand. */
import { type DocumentNode, getOperationAST, Kind, type OperationDefinitionNode } from 'graphql';
import type { Operation } from '../execute/engine.ts';
import { type Conditions, conditionVariables } from '../plan/collect.ts';

export class OperationConditions {
  /** Their defaults. */
  readonly #presets: ReadonlyMap<string, unknown>;

  constructor(document: DocumentNode, operationName: string | undefined) {
    const operation = getOperationAST(document, operationName) ?? undefined;
    const own = new Set(operation?.variableDefinitions?.map(({ variable }) => variable.name.value));
    this.#presets = new Map(
      conditionVariables(document)
        .filter((name) => own.has(name))
        .map((name) => [name, defaultOf(operation, name)]),
    );
  }

  /** Equal for equal values; empty where there are none. */
  idOf(variables: Operation['variables']): string {
    let id = '';
    for (const [name, preset] of this.#presets) {
      const given = Object.hasOwn(variables, name) ? variables[name] : preset;
      // Null, or nothing that will be executed: then all counts that may be there.
      id += typeof given === 'boolean' ? Number(given) : '?';
    }
    return id;
  }

  /** Undefined where one is not known. */
  valuesOf(id: string): Conditions {
    return id.includes('?')
      ? undefined
      : new Map([...this.#presets.keys()].map((name, index) => [name, id[index] === '1'] as const));
  }
}

function defaultOf(operation: OperationDefinitionNode | undefined, name: string): unknown {
  const value = operation?.variableDefinitions?.find(
    ({ variable }) => variable.name.value === name,
  )?.defaultValue;
  return value?.kind === Kind.BOOLEAN ? value.value : undefined;
}
