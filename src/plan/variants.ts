/** The plans of one operation: one per combination of the values that its `@skip` and `@include` have. */
import {
  type DocumentNode,
  getOperationAST,
  type VariableDefinitionNode,
  type VariableValues,
} from 'graphql';
import { type Conditions, conditionVariables } from './collect.ts';
import { NotCompiled, type Plan } from './plan.ts';

/** Clients use few of the combinations; the one used longest ago is compiled anew if it comes back. */
const MAX_KEPT = 32;

export class Variants {
  readonly variableDefinitions: readonly VariableDefinitionNode[];
  /** How many times a plan was compiled. */
  compiled = 0;
  readonly #conditions: readonly string[];
  readonly #compile: (conditions: Conditions) => Plan;
  readonly #plans = new Map<string, Plan | NotCompiled>();

  constructor(
    document: DocumentNode,
    operationName: string | undefined,
    compile: (conditions: Conditions) => Plan,
  ) {
    const operation = getOperationAST(document, operationName);
    this.variableDefinitions = operation?.variableDefinitions ?? [];
    const own = new Set(this.variableDefinitions.map(({ variable }) => variable.name.value));
    this.#conditions = conditionVariables(document).filter((name) => own.has(name));
    this.#compile = compile;
  }

  planFor({ coerced }: VariableValues): Plan | NotCompiled {
    let id = '';
    for (const name of this.#conditions) {
      const value = coerced[name];
      // A nullable variable with a default may be null all the same: then every field under it is an error of its own.
      if (typeof value !== 'boolean')
        return new NotCompiled(`$${name} is null, and @skip or @include stands on it`);
      id += value ? '1' : '0';
    }
    const known = this.#plans.get(id);
    if (known !== undefined) {
      if (this.#plans.size >= MAX_KEPT) this.#plans.delete(id);
    } else if (this.#plans.size >= MAX_KEPT) {
      this.#plans.delete(this.#plans.keys().next().value!);
    }
    const plan =
      known ?? this.#tryCompile(new Map(this.#conditions.map((name) => [name, coerced[name] === true])));
    this.#plans.set(id, plan);
    return plan;
  }

  #tryCompile(conditions: Conditions): Plan | NotCompiled {
    this.compiled++;
    try {
      return this.#compile(conditions);
    } catch (error) {
      if (error instanceof NotCompiled) return error;
      throw error;
    }
  }
}
