/** `hem explain`: how an operation of a client is executed: which calls, batched how, waiting for what, and why. */
import { type DocumentNode, type GraphQLError, getOperationAST, Kind, OperationTypeNode } from 'graphql';
import { type Generation, loadGeneration } from '../generation.ts';
import { describeRule, type Rule } from '../load/directives/auth-rule.ts';
import type { Environment } from '../load/environment.ts';
import { limitsOf } from '../load/settings/settings.ts';
import { usesOf } from '../operation/auth/requirements.ts';
import { cacheabilityOf } from '../operation/cache/cacheability.ts';
import { costInWords, describeCost } from '../operation/cost/describe-cost.ts';
import { describePlans, planInWords } from '../operation/describe-plans.ts';
import { Documents } from '../operation/documents.ts';
import { describeOperation } from '../plan/describe.ts';
import { didYouMean, escapeControls } from '../problems.ts';
import type { View } from '../views/view.ts';
import { EXIT_FINDING, EXIT_UNUSABLE } from './exit-codes.ts';
import { findOperation } from './find-operation.ts';
import { listOperations, NO_CONNECTIONS } from './list-operations.ts';
import { planAsText } from './plan-text.ts';
import type { Format } from './report.ts';

export interface ExplainOptions {
  readonly directory: string;
  readonly environment: Environment;
  readonly client: string;
  /** The name of one of the client's operations, or of its file, or the path of any file; "-" is standard input. Undefined for a list of its own. */
  readonly operation: string | undefined;
  /** Which of several operations. */
  readonly name: string | undefined;
  readonly listLength?: number;
  readonly format: Format;
}

/** @returns the exit code: 1 for an operation that the gateway would refuse */
export async function explain(options: ExplainOptions): Promise<number> {
  const generation = await loadGeneration(options.directory, options.environment);
  const view = generation.views.find(({ client }) => client.name === options.client);
  if (view === undefined) {
    const names = generation.views.map(({ client }) => client.name);
    return refuse(
      `there is no client "${options.client}"`,
      didYouMean(options.client, names) ?? `there are ${names.join(', ')}`,
    );
  }
  if (options.operation === undefined) {
    if (options.name !== undefined)
      return refuse(
        '--name says which operation of a document is meant, and there is no document',
        `hem explain ${options.client} ${options.name}`,
      );
    listOperations(generation, view, options);
    return 0;
  }
  const limits = limitsOf(generation.configuration.settings, view.client.settings);
  const found = await findOperation(view.client, options.operation, {
    directory: options.directory,
    maxBytes: limits.bodyBytes,
  });
  if ('problem' in found) return refuse(found.problem, found.hint);
  // What is refused here is refused by the gateway, and for the same reasons.
  const checked = new Documents(view.schema, limits, view.client.settings.introspection).check(found.text);
  if ('errors' in checked) return reportErrors(checked.errors, found.file, options);
  const names = operationNames(checked.document);
  const wanted = options.name ?? found.name;
  if (wanted !== undefined && !names.includes(wanted))
    return refuse(
      `${found.file} has no operation "${wanted}"`,
      didYouMean(wanted, names.filter(isText)) ?? toList(names),
    );
  if (wanted === undefined && names.length !== 1)
    return refuse(
      `${found.file} has ${names.length} operations`,
      names.length === 0 ? 'write one' : `say which with --name: ${toList(names)}`,
    );
  show(generation, view, checked.document, wanted ?? names[0], options);
  return 0;
}

function show(
  { graph, configuration }: Generation,
  view: View,
  document: DocumentNode,
  name: string | undefined,
  { format, listLength }: ExplainOptions,
): void {
  const description = describeOperation(
    { view, graph, connections: NO_CONNECTIONS },
    document,
    name,
    listLength,
  );
  const needs = needed(view, document, name);
  const cost = describeCost(view, document, { name, settings: configuration.settings });
  const cache = keptFor(graph, view, document, name);
  const plans = describePlans(view, document, {
    name,
    plans: configuration.plans?.plans ?? new Map(),
    cost: cost?.cost.atMost ?? 0,
  });
  console.log(
    format === 'json'
      ? JSON.stringify(
          {
            ...description,
            ...(needs.length > 0 ? { needs } : {}),
            ...cost,
            ...(plans.length > 0 ? { plans } : {}),
            cache,
          },
          null,
          2,
        )
      : planAsText(description, [
          ...needs.map(({ coordinate, scopes }) => `${coordinate} needs ${describeRule({ scopes })}.`),
          ...(cost === undefined ? [] : costInWords(cost)),
          ...plans.flatMap(planInWords),
          ...(cache === undefined ? [] : [keptAsText(cache)]),
        ]),
  );
}

interface Needed {
  readonly coordinate: string;
  readonly scopes: Rule['scopes'];
}

/** What of it callers have to be known for, or need scopes for. */
function needed(view: View, document: DocumentNode, name: string | undefined): readonly Needed[] {
  const requirements = usesOf(view, document, name, undefined)?.requirements ?? [];
  return requirements.map(({ coordinate, rule }) => ({ coordinate, scopes: rule.scopes }));
}

interface KeptFor {
  /** Seconds. */
  readonly maxAge: number;
  readonly scope: 'PUBLIC' | 'PRIVATE';
  /** Headers of callers, and `principal`. */
  readonly dependsOn: readonly string[];
}

/** How long its answers may be kept, whatever `@skip` and `@include` leave out. Undefined where none is, whatever is asked. */
function keptFor(
  graph: Generation['graph'],
  view: View,
  document: DocumentNode,
  name: string | undefined,
): KeptFor | undefined {
  if (view.client.settings.cache === undefined) return undefined;
  if (getOperationAST(document, name)?.operation !== OperationTypeNode.QUERY) return undefined;
  const operation = { document, operationName: name };
  const { maxAgeMs, isPrivate, dependence } = cacheabilityOf({ view, graph }, operation, undefined);
  const { principal, address, headers } = dependence;
  const dependsOn = [...(principal ? ['principal'] : []), ...(address ? ['address'] : []), ...headers];
  const scope = isPrivate || dependsOn.length > 0 ? 'PRIVATE' : 'PUBLIC';
  return { maxAge: maxAgeMs / 1000, scope, dependsOn };
}

function keptAsText({ maxAge, scope, dependsOn }: KeptFor): string {
  if (maxAge === 0) return 'Its answers are not kept.';
  const whom = scope === 'PUBLIC' ? 'for all callers alike' : `for each caller, by ${dependsOn.join(', ')}`;
  return `Its answers may be kept for ${maxAge} s, ${whom}.`;
}

function operationNames(document: DocumentNode): readonly (string | undefined)[] {
  return document.definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION ? [node.name?.value] : [],
  );
}

function reportErrors(
  errors: readonly GraphQLError[],
  file: string,
  { client, format }: ExplainOptions,
): number {
  const problems = errors.map(({ message, locations, extensions }) => {
    const { line, column } = locations?.[0] ?? { line: 1, column: 1 };
    return { code: String(extensions.code), at: { file, line, column }, message };
  });
  if (format === 'json') {
    console.log(JSON.stringify({ client, errors: problems }, null, 2));
    return EXIT_FINDING;
  }
  const lines = problems.map(
    ({ code, at, message }) => `${at.file}:${at.line}:${at.column}  ${code}\n  ${message}`,
  );
  console.error(escapeControls(`${lines.join('\n\n')}\n\nThe gateway would refuse this for "${client}".`));
  return EXIT_FINDING;
}

function refuse(what: string, hint: string): number {
  console.error(escapeControls(`hem: ${what}\n     ${hint}`));
  return EXIT_UNUSABLE;
}

function toList(names: readonly (string | undefined)[]): string {
  return names.map((name) => name ?? '(one without a name)').join(', ');
}

function isText(name: string | undefined): name is string {
  return name !== undefined;
}
