/** After a mutation with `@invalidates`, what it made out of date is not given any more: on every client, and in every process. */
import {
  type FieldNode,
  getArgumentValues,
  getNamedType,
  getOperationAST,
  getVariableValues,
  isObjectType,
} from 'graphql';
import type { OutOfDate } from '../../cache/tags.ts';
import type { ComposedGraph } from '../../graph/compose.ts';
import { withPossibleTypes } from '../../graph/possible-types.ts';
import type { Invalidation } from '../../load/directives/cache-control.ts';
import { type CollectedField, type Conditions, collectFields, fragmentsOf } from '../../plan/collect.ts';
import { ANONYMOUS } from '../../principal/principal.ts';
import type { View } from '../../views/view.ts';
import type { Answer } from '../answer.ts';
import { PerConditions } from '../per-conditions.ts';
import type { Policy } from '../policy.ts';
import type { PreparedOperation, Request } from '../request.ts';

interface Setup {
  readonly view: View;
  readonly graph: ComposedGraph;
  readonly invalidate: (what: readonly OutOfDate[]) => void;
}

/** Undefined where no mutation of a client invalidates anything. */
export function invalidating(setup: Setup): Policy | undefined {
  const byField = invalidationsOf(setup);
  if (byField.size === 0) return undefined;
  const selected = new PerConditions((document, operationName, conditions) =>
    mutationsOf(setup.view, { document, operationName }, conditions).filter(({ nodes }) =>
      byField.has(nodes[0]!.name.value),
    ),
  );
  const invalidate = (operation: PreparedOperation, request: Request, answer: Answer | undefined): void => {
    // What is left out, or denied, was never sent to a backend: else anybody could end what is kept.
    const asked = selected
      .get(operation)
      .filter(({ nodes }) => operation.denied?.denialOf('Mutation', nodes[0]!) === undefined);
    const run = answer === undefined ? asked : asked.filter((field) => mayHaveRun(setup.view, field, answer));
    if (run.length > 0) setup.invalidate(new Reading(setup, byField, operation, request).all(run, answer));
  };
  return {
    async answer(operation, request, next) {
      const answer = await next(operation, request);
      if (operation.kind === 'mutation' && wasExecuted(answer)) invalidate(operation, request, answer);
      return answer;
    },
    async stream(operation, request, next) {
      const outcome = await next(operation, request);
      // The result comes in parts: what it would say is not waited for.
      if (operation.kind === 'mutation') invalidate(operation, request, undefined);
      return outcome;
    },
  };
}

/** Of each mutation of a view: what its connectors say, and what it says itself. */
function invalidationsOf({ view, graph }: Setup): ReadonlyMap<string, readonly Invalidation[]> {
  const found = new Map<string, readonly Invalidation[]>();
  for (const { name, steps } of view.types.get('Mutation')?.fields.values() ?? []) {
    const sources = graph.types.get('Mutation')?.fields.get(steps[0]!)?.sources ?? [];
    const own = view.caching.invalidations.get(`Mutation.${name}`) ?? [];
    const all = [...sources.flatMap(({ invalidates }) => invalidates), ...own];
    if (all.length > 0) found.set(name, all);
  }
  return found;
}

/** The fields of a mutation that are executed. */
function mutationsOf(
  { schema }: View,
  { document, operationName }: Pick<PreparedOperation, 'document' | 'operationName'>,
  conditions: Conditions,
): readonly CollectedField[] {
  const root = schema.getMutationType();
  const operation = getOperationAST(document, operationName);
  if (!root || !operation) return [];
  const sources = [{ selectionSet: operation.selectionSet, conditional: false }];
  return collectFields(fragmentsOf(schema, document, conditions), root, sources);
}

/** Whatever failed may have failed after it was done; only what was refused before was not. */
function wasExecuted({ result }: Answer): boolean {
  return result.data !== undefined || result.errors?.[0]?.extensions?.code !== 'BAD_VARIABLES';
}

/** Of these the backend was told nothing. */
const BEFORE_ANY_CALL: ReadonlySet<unknown> = new Set([
  'BAD_ARGUMENT',
  'UNAUTHENTICATED',
  'UPSTREAM_CIRCUIT_OPEN',
]);

/** Whether a backend may have been asked for a field: else whoever is refused by it could end what is kept. */
function mayHaveRun({ types }: View, { responseKey, nodes }: CollectedField, { result }: Answer): boolean {
  // What stands further down a path is asked for after it was done.
  if (types.get('Mutation')?.fields.get(nodes[0]!.name.value)?.steps.length !== 1) return true;
  return !result.errors?.some(
    ({ path, extensions }) =>
      path?.length === 1 && path[0] === responseKey && BEFORE_ANY_CALL.has(extensions?.code),
  );
}

/** Reads the keys of one mutation. */
class Reading {
  readonly #setup: Setup;
  readonly #byField: ReadonlyMap<string, readonly Invalidation[]>;
  readonly #operation: PreparedOperation;
  readonly #request: Request;

  constructor(
    setup: Setup,
    byField: ReadonlyMap<string, readonly Invalidation[]>,
    operation: PreparedOperation,
    request: Request,
  ) {
    this.#setup = setup;
    this.#byField = byField;
    this.#operation = operation;
    this.#request = request;
  }

  /** Without a key where it cannot be read: then all of the type is out of date. */
  all(fields: readonly CollectedField[], answer: Answer | undefined): readonly OutOfDate[] {
    return fields.flatMap(({ responseKey, nodes }) =>
      (this.#byField.get(nodes[0]!.name.value) ?? []).flatMap(({ type, key }) => {
        const read = key && this.#read(key, nodes, answer?.result.data?.[responseKey]);
        return withPossibleTypes(this.#setup.graph.schema, type).map((each) => ({ type: each, key: read }));
      }),
    );
  }

  #read(path: readonly string[], nodes: readonly FieldNode[], value: unknown): unknown {
    const args = this.#argumentsOf(nodes[0]!);
    const found = Object.hasOwn(args, path[0]!) ? at(args, path) : this.#inResult(path, nodes, value);
    return typeof found === 'string' || typeof found === 'number' || typeof found === 'bigint'
      ? found
      : undefined;
  }

  /** The graph's, as they went to the backend. */
  #argumentsOf(node: FieldNode): Readonly<Record<string, unknown>> {
    const { view } = this.#setup;
    const { document, operationName, variables } = this.#operation;
    const field = view.schema.getMutationType()?.getFields()[node.name.value];
    const viewField = view.types.get('Mutation')?.fields.get(node.name.value);
    const definitions = getOperationAST(document, operationName)?.variableDefinitions ?? [];
    const coerced = getVariableValues(view.schema, definitions, variables);
    if (field === undefined || viewField === undefined || coerced.errors !== undefined) return {};
    try {
      const args = getArgumentValues(field, node, coerced.variableValues);
      const { claims } = this.#request.principal ?? ANONYMOUS;
      return viewField.toGraphArguments({ args, claims });
    } catch {
      return {};
    }
  }

  /** Where the caller has selected it. */
  #inResult(path: readonly string[], nodes: readonly FieldNode[], value: unknown): unknown {
    const { view } = this.#setup;
    const fragments = fragmentsOf(view.schema, this.#operation.document, undefined);
    let type = getNamedType(view.schema.getMutationType()?.getFields()[nodes[0]!.name.value]?.type);
    let selected = nodes;
    let current = value;
    for (const name of path) {
      if (!isObjectType(type) || typeof current !== 'object' || current === null) return undefined;
      const sources = selected.flatMap(({ selectionSet }) =>
        selectionSet === undefined ? [] : [{ selectionSet, conditional: false }],
      );
      const fields = view.types.get(type.name)?.fields;
      const found = collectFields(fragments, type, sources).find(({ nodes: [node] }) => {
        const steps = fields?.get(node!.name.value)?.steps;
        return steps?.length === 1 && steps[0] === name;
      });
      if (found === undefined) return undefined;
      current = (current as Record<string, unknown>)[found.responseKey];
      selected = found.nodes;
      type = getNamedType(type.getFields()[selected[0]!.name.value]?.type);
    }
    return current;
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
        ? (inner as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}
