/** The plans of one operation: one per combination of the values that its `@skip` and `@include` have. */
import {
  type DocumentNode,
  type GraphQLSchema,
  getOperationAST,
  isNonNullType,
  Kind,
  TypeInfo,
  type VariableDefinitionNode,
  type VariableValues,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { type Conditions, conditionVariables } from './collect.ts';
import type { Forgettable, KeptPlans } from './kept-plans.ts';
import { NotCompiled, type Plan } from './plan.ts';
import { tryCompile } from './try-compile.ts';
import type { CoerceVariables } from './variables.ts';

/** Clients use few of the combinations; the one used longest ago is compiled anew if it comes back. */
const MAX_KEPT = 32;
/** What a plan weighs beside its fields and its document, and all that one that was not compiled weighs. */
const FIELDS_OF_NONE = 5;
/** A plan keeps its document, whatever that has besides fields: so many characters weigh as much as a field. */
const CHARACTERS_PER_FIELD = 100;

interface Kept extends Forgettable {
  readonly plan: Plan | NotCompiled;
}

export class Variants {
  readonly coerce: CoerceVariables;
  /** How many times a plan was compiled. */
  compiled = 0;
  readonly #conditions: readonly string[];
  /** Variables that may be null, in places of arguments that may not. */
  readonly #notNull: readonly string[];
  readonly #compile: (conditions: Conditions) => Plan;
  readonly #all: KeptPlans;
  readonly #fieldsOfText: number;
  readonly #plans = new Map<string, Kept>();

  /** @param all where the memory of all plans is watched */
  constructor(
    document: DocumentNode,
    operationName: string | undefined,
    {
      schema,
      compile,
      all,
      coercer,
    }: {
      readonly schema: GraphQLSchema;
      compile(conditions: Conditions): Plan;
      readonly all: KeptPlans;
      coercer(definitions: readonly VariableDefinitionNode[]): CoerceVariables;
    },
  ) {
    const operation = getOperationAST(document, operationName);
    const definitions = operation?.variableDefinitions ?? [];
    this.coerce = coercer(definitions);
    // Another operation of the document may have a variable of the same name and another type.
    const own = new Set(
      definitions.flatMap(({ variable, type }) => {
        const nullable = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
        return nullable.kind === Kind.NAMED_TYPE && nullable.name.value === 'Boolean'
          ? [variable.name.value]
          : [];
      }),
    );
    this.#conditions = conditionVariables(document).filter((name) => own.has(name));
    this.#notNull = nullableInNonNull(document, schema, definitions);
    this.#compile = compile;
    this.#all = all;
    this.#fieldsOfText = Math.floor((document.loc?.source.body.length ?? 0) / CHARACTERS_PER_FIELD);
  }

  /** Compiling waits for nothing, so that requests that come at the same time compile it once. */
  planFor({ coerced }: VariableValues): Plan | NotCompiled {
    let id = '';
    for (const name of this.#conditions) {
      const value = coerced[name];
      // A nullable variable with a default may be null all the same: then every field under it is an error of its own.
      if (typeof value !== 'boolean')
        return new NotCompiled(`$${name} is null, and @skip or @include stands on it`);
      id += value ? '1' : '0';
    }
    for (const name of this.#notNull)
      if (coerced[name] === null) return new NotCompiled(`$${name} is null, where an argument may not be`);
    const known = this.#plans.get(id);
    if (known !== undefined) {
      known.used = true;
      if (this.#plans.size >= MAX_KEPT) {
        // Most recently used last.
        this.#plans.delete(id);
        this.#plans.set(id, known);
      }
      return known.plan;
    }
    if (this.#plans.size >= MAX_KEPT) this.#forgetOldest();
    return this.#keep(id, coerced).plan;
  }

  #keep(id: string, coerced: VariableValues['coerced']): Kept {
    this.compiled++;
    const plan = tryCompile(() =>
      this.#compile(new Map(this.#conditions.map((name) => [name, coerced[name] === true]))),
    );
    const kept: Kept = {
      plan,
      fields: FIELDS_OF_NONE + this.#fieldsOfText + (plan instanceof NotCompiled ? 0 : plan.fields),
      used: false,
      forget: () => this.#plans.delete(id),
    };
    this.#plans.set(id, kept);
    this.#all.add(kept);
    return kept;
  }

  #forgetOldest(): void {
    const [oldest] = this.#plans;
    if (oldest === undefined) return;
    this.#plans.delete(oldest[0]);
    this.#all.remove(oldest[1]);
  }
}

/** They are allowed there when they or the argument have a default, and are an error of the field when they are null all the same. */
function nullableInNonNull(
  document: DocumentNode,
  schema: GraphQLSchema,
  definitions: readonly VariableDefinitionNode[],
): readonly string[] {
  const nullable = new Set(
    definitions.flatMap(({ type, variable }) =>
      type.kind === Kind.NON_NULL_TYPE ? [] : [variable.name.value],
    ),
  );
  if (nullable.size === 0) return [];
  const found = new Set<string>();
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      VariableDefinition: () => false,
      Directive: () => false,
      Variable({ name }) {
        if (isNonNullType(types.getInputType()) && nullable.has(name.value)) found.add(name.value);
      },
    }),
  );
  return [...found];
}
