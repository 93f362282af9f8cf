/** What is found out once per operation and combination of its conditions: of the values that `@skip` and `@include` stand on. */
import { type DocumentNode, getOperationAST, Kind, type OperationDefinitionNode } from 'graphql';
import type { Operation } from '../execute/engine.ts';
import { PerOperation } from '../execute/per-operation.ts';
import { type Conditions, conditionVariables } from '../plan/collect.ts';

/** Of one operation. */
const MAX_KEPT = 32;

type Make<Facts> = (
  document: DocumentNode,
  operationName: string | undefined,
  conditions: Conditions,
) => Facts;

/** Nothing of a request may be in the facts. */
export class PerConditions<Facts> {
  readonly #operations: PerOperation<Conditioned<Facts>>;

  constructor(make: Make<Facts>) {
    this.#operations = new PerOperation(
      ({ document, operationName }) => new Conditioned(make, document, operationName),
    );
  }

  get(operation: Operation): Facts {
    return this.#operations.get(operation).of(operation.variables);
  }
}

class Conditioned<Facts> {
  readonly #make: Make<Facts>;
  readonly #document: DocumentNode;
  readonly #operationName: string | undefined;
  /** Variables that `@skip` and `@include` stand on, and their defaults. */
  readonly #conditions: ReadonlyMap<string, unknown>;
  readonly #facts = new Map<string, Facts>();

  constructor(make: Make<Facts>, document: DocumentNode, operationName: string | undefined) {
    this.#make = make;
    this.#document = document;
    this.#operationName = operationName;
    const operation = getOperationAST(document, operationName) ?? undefined;
    const own = new Set(operation?.variableDefinitions?.map(({ variable }) => variable.name.value));
    this.#conditions = new Map(
      conditionVariables(document)
        .filter((name) => own.has(name))
        .map((name) => [name, defaultOf(operation, name)]),
    );
  }

  of(variables: Operation['variables']): Facts {
    let id = '';
    for (const [name, preset] of this.#conditions) {
      const given = Object.hasOwn(variables, name) ? variables[name] : preset;
      // Null, or nothing that will be executed: then all counts that may be there.
      id += typeof given === 'boolean' ? Number(given) : '?';
    }
    const known = this.#facts.get(id);
    if (known !== undefined || this.#facts.has(id)) return known as Facts;
    const conditions = id.includes('?')
      ? undefined
      : new Map([...this.#conditions.keys()].map((name, index) => [name, id[index] === '1'] as const));
    const facts = this.#make(this.#document, this.#operationName, conditions);
    if (this.#facts.size >= MAX_KEPT) this.#facts.clear();
    this.#facts.set(id, facts);
    return facts;
  }
}

function defaultOf(operation: OperationDefinitionNode | undefined, name: string): unknown {
  const value = operation?.variableDefinitions?.find(
    ({ variable }) => variable.name.value === name,
  )?.defaultValue;
  return value?.kind === Kind.BOOLEAN ? value.value : undefined;
}
