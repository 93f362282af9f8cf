/** `hem explain`: how an operation of a client is executed: which calls, batched how, waiting for what, and why. */
import { readFile } from 'node:fs/promises';
import { concatAST, type DocumentNode, getOperationAST, Kind, parse, validate } from 'graphql';
import { type Generation, loadGeneration } from '../generation.ts';
import type { Environment } from '../load/environment.ts';
import { compilePlan } from '../plan/compile.ts';
import { type DescribedStep, describePlan, type PlanDescription } from '../plan/describe.ts';
import { incrementalUses, NOT_IN_PARTS } from '../plan/incremental.ts';
import { NotCompiled } from '../plan/plan.ts';
import { didYouMean } from '../problems.ts';
import type { View } from '../views/view.ts';
import { EXIT_UNUSABLE } from './exit-codes.ts';
import type { Format } from './report.ts';

export interface ExplainOptions {
  readonly directory: string;
  readonly environment: Environment;
  readonly client: string;
  /** The name of one of the client's operations, or of its file, or the path of any file. */
  readonly operation: string;
  readonly format: Format;
}

export async function explain(options: ExplainOptions): Promise<number> {
  const generation = await loadGeneration(options.directory, options.environment);
  const names = generation.views.map(({ client }) => client.name);
  const view = generation.views.find(({ client }) => client.name === options.client);
  if (view === undefined)
    return refuse(
      `there is no client "${options.client}"`,
      didYouMean(options.client, names) ?? `there are ${names.join(', ')}`,
    );
  const document = await findDocument(view, options.operation);
  if (document === undefined) {
    const known = view.client.operations.map(({ file }) => baseName(file));
    return refuse(
      `the client "${options.client}" has no operation "${options.operation}", and there is no such file`,
      didYouMean(options.operation, known) ?? `it has ${known.join(', ') || 'none'}`,
    );
  }
  const errors = validate(view.schema, document);
  if (errors.length > 0)
    return refuse(
      `the operation does not fit the schema of "${options.client}"`,
      errors.map(({ message }) => message).join('\n     '),
    );
  const operationNames = document.definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION ? [node.name?.value] : [],
  );
  const name = operationNames.includes(options.operation) ? options.operation : operationNames[0];
  const plan = describe(generation, view, document, name);
  const inParts = describeParts(view, document, name);
  if (options.format === 'json')
    console.log(JSON.stringify({ client: options.client, name, ...plan, inParts }, null, 2));
  else console.log([toText(options.client, name, plan), ...partsToText(inParts)].join('\n'));
  return 0;
}

/** How it is executed for callers who take an answer in parts, if anything is deferred or streamed. */
interface ExplainedParts {
  readonly engine: 'reference';
  readonly reason: string;
  /** As `limits.deferred` counts. */
  readonly deferred: number;
}

function describeParts(
  { schema }: View,
  document: DocumentNode,
  name: string | undefined,
): ExplainedParts | undefined {
  const operation = getOperationAST(document, name);
  const use = operation && incrementalUses(schema, document)?.get(operation);
  // Events of a subscription come whole.
  return use && operation.operation !== 'subscription'
    ? { engine: 'reference', reason: NOT_IN_PARTS, deferred: use.parts }
    : undefined;
}

function partsToText(parts: ExplainedParts | undefined): readonly string[] {
  if (parts === undefined) return [];
  return [
    'with @defer and @stream, for callers who take an answer in parts:',
    `   runs on the reference engine: ${parts.reason}`,
    `   deferred fragments and streamed lists, ten for each inside a list: ${parts.deferred}`,
  ];
}

type Explained =
  | ({ readonly engine: 'compiled' } & PlanDescription)
  | { readonly engine: 'reference'; readonly reason: string };

function describe(
  { graph }: Generation,
  view: View,
  document: DocumentNode,
  name: string | undefined,
): Explained {
  // Nothing is called: connections are only where calls would go.
  const connections = {
    get: () => ({
      compile: () => ({ mode: 'unary' as const, call: async () => [] }),
      [Symbol.asyncDispose]: async () => {},
    }),
  };
  try {
    return { engine: 'compiled', ...describePlan(compilePlan({ view, graph, connections }, document, name)) };
  } catch (error) {
    if (error instanceof NotCompiled) return { engine: 'reference', reason: error.message };
    throw error;
  }
}

async function findDocument({ client }: View, wanted: string): Promise<DocumentNode | undefined> {
  const own = client.operations.find(
    ({ file, document }) =>
      baseName(file) === wanted ||
      document.definitions.some(
        (node) => node.kind === Kind.OPERATION_DEFINITION && node.name?.value === wanted,
      ),
  );
  if (own !== undefined) {
    const fragments = client.operations
      .filter((other) => other !== own)
      .flatMap(({ document }) =>
        document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION),
      );
    return concatAST([own.document, { kind: Kind.DOCUMENT, definitions: fragments }]);
  }
  const text = await readFile(wanted, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parse(text);
}

function toText(client: string, name: string | undefined, plan: Explained): string {
  const head = `${client} · ${name ?? 'unnamed'}`;
  if (plan.engine === 'reference') return `${head}\nruns on the reference engine: ${plan.reason}`;
  return [`${head} (${plan.operation}): at worst ${plan.worstCase} calls`, ...tree(plan.steps, '')].join(
    '\n',
  );
}

function tree(steps: readonly DescribedStep[], indent: string): string[] {
  return steps.flatMap((step, index) => {
    const last = index === steps.length - 1;
    const facts = [
      step.kind === 'objects' || step.kind === 'stream'
        ? undefined
        : step.batched
          ? 'one call for all'
          : step.calls === '1'
            ? 'one call'
            : `${step.calls} calls, equal ones once`,
      step.after.length === 0 ? undefined : `after ${step.after.join(', ')}`,
      step.conditional ? 'if @include or @skip says so' : undefined,
    ].filter((fact) => fact !== undefined);
    const what = step.kind === 'objects' ? step.label : `${step.label}  ${step.connector} ${step.field}`;
    return [
      `${indent}${last ? '└─' : '├─'} ${step.id}  ${what}${facts.length === 0 ? '' : `  (${facts.join('; ')})`}`,
      `${indent}${last ? '  ' : '│ '}      ${step.why}`,
      ...tree(step.steps, `${indent}${last ? '   ' : '│  '}`),
    ];
  });
}

function refuse(what: string, hint: string): number {
  console.error(`hem: ${what}\n     ${hint}`);
  return EXIT_UNUSABLE;
}

function baseName(file: string): string {
  return file.replace(/^.*\//, '').replace(/\.graphql$/, '');
}
