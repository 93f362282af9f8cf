/** What is found out of an operation for each combination of the values that `@skip` and `@include` stand on. Bounded. */
import { type DocumentNode, getOperationAST, Kind, type OperationDefinitionNode } from 'graphql';
import type { Operation } from '../execute/engine.ts';
import { type Conditions, conditionVariables } from '../plan/collect.ts';

/** Of one operation. */
const MAX_KEPT = 32;

export class ByConditions<Facts> {
  /** Variables that `@skip` and `@include` stand on, and their defaults. */
  readonly #conditions: ReadonlyMap<string, unknown>;
  readonly #make: (conditions: Conditions) => Facts;
  readonly #known = new Map<string, Facts>();

  constructor(
    document: DocumentNode,
    operationName: string | undefined,
    make: (conditions: Conditions) => Facts,
  ) {
    const operation = getOperationAST(document, operationName) ?? undefined;
    const own = new Set(operation?.variableDefinitions?.map(({ variable }) => variable.name.value));
    this.#conditions = new Map(
      conditionVariables(document)
        .filter((name) => own.has(name))
        .map((name) => [name, defaultOf(operation, name)]),
    );
    this.#make = make;
  }

  get(variables: Operation['variables']): Facts {
    let id = '';
    for (const [name, preset] of this.#conditions) {
      const given = Object.hasOwn(variables, name) ? variables[name] : preset;
      // Null, or nothing that will be executed: then all counts that may be there.
      id += typeof given === 'boolean' ? Number(given) : '?';
    }
    const known = this.#known.get(id);
    if (known !== undefined || this.#known.has(id)) return known as Facts;
    const conditions = id.includes('?')
      ? undefined
      : new Map([...this.#conditions.keys()].map((name, index) => [name, id[index] === '1'] as const));
    const made = this.#make(conditions);
    if (this.#known.size >= MAX_KEPT) this.#known.clear();
    this.#known.set(id, made);
    return made;
  }
}

function defaultOf(operation: OperationDefinitionNode | undefined, name: string): unknown {
  const value = operation?.variableDefinitions?.find(
    ({ variable }) => variable.name.value === name,
  )?.defaultValue;
  return value?.kind === Kind.BOOLEAN ? value.value : undefined;
}
