/** What is found out once of an operation that is counted, and kept with its document. */
import { type GraphQLNamedType, getOperationAST } from 'graphql';
import { OTHER } from '../metrics/bounded-labels.ts';
import type { ClientMetrics } from '../metrics/client-metrics.ts';
import type { OperationUse } from '../metrics/operation-use.ts';
import type { View } from '../views/view.ts';
import { OperationConditions } from './conditions.ts';
import { EnumVariables } from './enum-variables.ts';
import type { PreparedOperation } from './request.ts';
import { usedBy } from './used.ts';

/** Of one operation. */
const MAX_KEPT = 32;

export class CountedOperation {
  /** Undefined where no variable may hold an enum. */
  readonly enums: EnumVariables | undefined;
  readonly #conditions: OperationConditions;
  readonly #newUse: (id: string) => OperationUse;
  readonly #uses = new Map<string, OperationUse>();
  #last: { readonly id: string; readonly use: OperationUse } | undefined;

  constructor(
    { document, operationName }: Pick<PreparedOperation, 'document' | 'operationName'>,
    {
      view,
      holding,
      names,
      metrics,
    }: {
      readonly view: View;
      readonly holding: ReadonlySet<GraphQLNamedType>;
      readonly names: ReadonlySet<string>;
      readonly metrics: ClientMetrics;
    },
  ) {
    const node = getOperationAST(document, operationName) ?? undefined;
    const name = node?.name?.value ?? '';
    const label = names.has(name) ? name : OTHER;
    this.enums = EnumVariables.of(view.schema, node, holding);
    const conditions = new OperationConditions(document, operationName);
    this.#conditions = conditions;
    this.#newUse = (id) =>
      metrics.newUse(node?.operation ?? 'query', label, () =>
        usedBy(view, document, operationName, conditions.valuesOf(id)),
      );
  }

  useOf(variables: PreparedOperation['variables']): OperationUse {
    const id = this.#conditions.idOf(variables);
    if (this.#last?.id === id) return this.#last.use;
    const known = this.#uses.get(id);
    const use = known ?? this.#newUse(id);
    // What was counted is read by those who hold what was counted; here it is only found again.
    if (known === undefined && this.#uses.size >= MAX_KEPT) this.#uses.clear();
    if (known === undefined) this.#uses.set(id, use);
    this.#last = { id, use };
    return use;
  }
}
