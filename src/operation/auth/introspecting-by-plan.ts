/** Callers with a plan read the schema as their plan shows it. Data and schema in one operation are answered by both, as one. */
import {
  type DocumentNode,
  executeRootSelectionSet,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  validateExecutionArgs,
  visit,
} from 'graphql';
import { withoutIncremental } from '../../execute/incremental-directives.ts';
import { PerOperation } from '../../execute/per-operation.ts';
import type { Principal } from '../../principal/principal.ts';
import type { View } from '../../views/view.ts';
import type { Answer } from '../answer.ts';
import { format } from '../format.ts';
import type { Answering, Policy } from '../policy.ts';
import type { PreparedOperation, Request } from '../request.ts';
import { type Grants, knowsPlans } from './grants.ts';

/** Undefined where there are no plans, or no schema to read. */
export function introspectingByPlan(view: View, grants: Grants): Policy | undefined {
  if (!knowsPlans(view) || !view.client.settings.introspection) return undefined;
  const operations = new PerOperation(({ document, operationName }) => schemaPartOf(document, operationName));
  const partFor = (operation: PreparedOperation, principal: Principal | undefined) =>
    grants.of(principal) === undefined ? undefined : operations.get(operation);
  const read = async (part: SchemaPart, operation: PreparedOperation, request: Request): Promise<Answer> => {
    const validated = validateExecutionArgs({
      schema: grants.schemaFor(request.principal),
      document: part.document,
      operationName: operation.operationName,
      variableValues: operation.variables,
    });
    if (!('schema' in validated)) return { result: format({ errors: validated }, request) };
    return { result: format(await executeRootSelectionSet(validated), request) };
  };
  const readBoth = async (
    part: SchemaPart,
    asked: Parameters<Answering>,
    next: Answering,
  ): Promise<Answer> => {
    const [answer, schema] = await Promise.all([next(...asked), read(part, ...asked)]);
    const { json: _ofData, ...rest } = answer;
    const { data } = answer.result;
    if (data === undefined || data === null) return answer;
    // In the data stands what the whole schema says of itself: without an answer to put in its place nobody may read that.
    if (schema.result.data === undefined || schema.result.data === null) return schema;
    const both = Object.assign(Object.create(null), data, schema.result.data);
    return { ...rest, result: { ...answer.result, data: both } };
  };
  return {
    answer(operation, request, next) {
      const part = partFor(operation, request.principal);
      if (part === undefined || part === 'none') return next(operation, request);
      if (part === 'below') return refuse(BELOW, request);
      return part.isAll ? read(part, operation, request) : readBoth(part, [operation, request], next);
    },
    stream(operation, request, next) {
      const part = partFor(operation, request.principal);
      if (part === undefined || part === 'none') return next(operation, request);
      if (part === 'below') return refuse(BELOW, request);
      return part.isAll ? read(part, operation, request) : refuse(TOGETHER, request);
    },
  };
}

const TOGETHER = 'Ask for the schema in an operation of its own, or without @defer and @stream.';
const BELOW = 'Ask for the schema at the root of a query: __schema and __type are not answered further down.';

function refuse(text: string, request: Request): Promise<Answer> {
  const error = new GraphQLError(text, { extensions: { code: 'BAD_REQUEST' } });
  return Promise.resolve({ result: format({ errors: [error] }, request) });
}

/** What of an operation is about the schema. */
interface SchemaPart {
  readonly document: DocumentNode;
  /** Nothing else is asked for. */
  readonly isAll: boolean;
}

/** `below`: of a Query that stands inside of other data. */
function schemaPartOf(
  document: DocumentNode,
  operationName: string | undefined,
): SchemaPart | 'none' | 'below' {
  const operation = getOperationAST(document, operationName);
  if (!operation) return 'none';
  const root = new RootSelection(document);
  const selectionSet = root.rewrite(operation.selectionSet);
  if (root.asksBelow) return 'below';
  if (!root.asksForSchema) return 'none';
  if (!root.asksForData) return { document: withoutIncremental(document), isAll: true };
  const own: OperationDefinitionNode = { ...operation, selectionSet };
  // Others may name types in their variables that the plan does not show.
  const fragments = root.spreadIn(selectionSet);
  const used = variablesIn({
    ...document,
    definitions: [{ ...own, variableDefinitions: [] }, ...fragments],
  });
  const variableDefinitions = operation.variableDefinitions?.filter(({ variable }) =>
    used.has(variable.name.value),
  );
  return {
    document: withoutIncremental({
      ...document,
      definitions: [{ ...own, variableDefinitions }, ...fragments],
    }),
    isAll: false,
  };
}

class RootSelection {
  readonly #fragments: readonly FragmentDefinitionNode[];
  asksForSchema = false;
  asksBelow = false;
  asksForData = false;

  constructor(document: DocumentNode) {
    this.#fragments = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  }

  /** The same without data; fragments that are spread at the root stand there themselves. */
  rewrite(selectionSet: SelectionSetNode): SelectionSetNode {
    return { ...selectionSet, selections: selectionSet.selections.flatMap((node) => this.#rewriteOne(node)) };
  }

  /** The fragments that are spread in a selection, and in those. */
  spreadIn(selectionSet: SelectionSetNode): readonly FragmentDefinitionNode[] {
    const names = new Set<string>();
    const find = (inner: SelectionSetNode): void => {
      visit(inner, {
        FragmentSpread: ({ name: { value } }) => {
          if (names.has(value)) return;
          names.add(value);
          const fragment = this.#fragments.find(({ name }) => name.value === value);
          if (fragment !== undefined) find(fragment.selectionSet);
        },
      });
    };
    find(selectionSet);
    return this.#fragments.filter(({ name }) => names.has(name.value));
  }

  #rewriteOne(node: SelectionNode): readonly SelectionNode[] {
    if (node.kind === Kind.FIELD) return this.#keep(node) ? [node] : [];
    if (node.kind === Kind.INLINE_FRAGMENT)
      return [{ ...node, selectionSet: this.rewrite(node.selectionSet) }];
    const fragment = this.#fragments.find(({ name }) => name.value === node.name.value);
    if (fragment === undefined) return [];
    const { typeCondition, selectionSet } = fragment;
    const { directives = [] } = node;
    return [
      { kind: Kind.INLINE_FRAGMENT, typeCondition, directives, selectionSet: this.rewrite(selectionSet) },
    ];
  }

  #keep(field: FieldNode): boolean {
    if (isAboutSchema(field)) this.asksForSchema = true;
    else if (field.name.value !== '__typename') this.#noteData(field);
    return isAboutSchema(field);
  }

  #noteData({ selectionSet }: FieldNode): void {
    this.asksForData = true;
    if (selectionSet === undefined) return;
    const look = {
      Field: (field: FieldNode) => {
        if (isAboutSchema(field)) this.asksBelow = true;
      },
    };
    visit(selectionSet, look);
    for (const fragment of this.spreadIn(selectionSet)) visit(fragment, look);
  }
}

function isAboutSchema({ name: { value } }: FieldNode): boolean {
  return value === '__schema' || value === '__type';
}

function variablesIn(document: DocumentNode): ReadonlySet<string> {
  const names = new Set<string>();
  visit(document, { Variable: ({ name }) => void names.add(name.value) });
  return names;
}
