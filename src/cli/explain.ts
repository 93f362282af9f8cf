/** `hem explain`: how an operation of a client is executed: which calls, batched how, waiting for what, and why. */
import { readFile } from 'node:fs/promises';
import { concatAST, type DocumentNode, Kind, parse, validate } from 'graphql';
import { type Generation, loadGeneration } from '../generation.ts';
import { describeRule, type Rule } from '../load/auth-rule.ts';
import type { Environment } from '../load/environment.ts';
import { requirementsOf } from '../operation/requirements.ts';
import { compilePlan } from '../plan/compile.ts';
import { type DescribedStep, describePlan, type PlanDescription } from '../plan/describe.ts';
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
  const plan = { ...describe(generation, view, document, name), needs: needed(view, document, name) };
  if (options.format === 'json')
    console.log(JSON.stringify({ client: options.client, name, ...plan }, null, 2));
  else console.log(toText(options.client, name, plan));
  return 0;
}

interface Needed {
  readonly coordinate: string;
  readonly scopes: Rule['scopes'];
}

/** What of it callers have to be known for, or need scopes for. */
function needed(view: View, document: DocumentNode, name: string | undefined): readonly Needed[] {
  const requirements = requirementsOf(view, document, name, undefined) ?? [];
  return requirements.map(({ coordinate, rule }) => ({ coordinate, scopes: rule.scopes }));
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

function toText(
  client: string,
  name: string | undefined,
  plan: Explained & { readonly needs: readonly Needed[] },
): string {
  const head = `${client} · ${name ?? 'unnamed'}`;
  const needs = plan.needs.map(({ coordinate, scopes }) => `${coordinate} needs ${describeRule({ scopes })}`);
  if (plan.engine === 'reference')
    return [`${head}\nruns on the reference engine: ${plan.reason}`, ...needs].join('\n');
  const first = `${head} (${plan.operation}): at worst ${plan.worstCase} calls`;
  return [first, ...tree(plan.steps, ''), ...needs].join('\n');
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
