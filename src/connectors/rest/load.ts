/** Reads the OpenAPI document: which paths, methods and query parameters exist. Nothing else of it is used. */
import { LineCounter, parseDocument } from 'yaml';
import type { ConnectorSource } from '../kind.ts';
import type { RestOptions } from './options.ts';

export interface RestSpec {
  /** Undefined without an OpenAPI document: then any path may be bound. */
  readonly paths: readonly SpecPath[] | undefined;
  readonly file: string | undefined;
}

export interface SpecPath {
  readonly template: string;
  readonly operations: ReadonlyMap<
    string,
    { readonly query: ReadonlyMap<string, { readonly required: boolean }> }
  >;
}

export const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'] as const;

export async function load(source: ConnectorSource<RestOptions>): Promise<RestSpec | undefined> {
  checkEndpoint(source);
  const file = source.options.spec;
  if (file === undefined) return { paths: undefined, file };
  const bytes = await source.read(file, ['spec']);
  if (bytes === undefined) return undefined;
  const text = bytes.toString('utf8');
  const document = parse(text);
  if (document === undefined) {
    source.reportIn(file, text, 0, { rule: 'spec-syntax', message: 'The document is nested too deeply.' });
    return undefined;
  }
  for (const error of document.errors) {
    source.reportIn(file, text, error.pos[0], {
      rule: 'spec-syntax',
      message: `${error.message.split('\n')[0]!.replace(/ at line.*$/, '')}.`,
    });
  }
  if (document.errors.length > 0) return undefined;
  let root: unknown;
  try {
    root = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    source.reportIn(file, text, 0, { rule: 'spec-syntax', message: (error as Error).message });
    return undefined;
  }
  const version = record(root).openapi;
  if (typeof version !== 'string' || !version.startsWith('3.')) {
    source.reportIn(file, text, 0, {
      rule: 'spec-version',
      message: 'This is not an OpenAPI 3 document.',
      found: `openapi: ${JSON.stringify(version) ?? 'missing'}`,
      expected: 'openapi: 3.x',
    });
    return undefined;
  }
  const paths = Object.entries(record(record(root).paths)).map(([template, item]) =>
    toPath(root, template, record(item)),
  );
  return { paths, file };
}

/** The parser recurses. */
function parse(text: string): ReturnType<typeof parseDocument> | undefined {
  try {
    return parseDocument(text, { lineCounter: new LineCounter() });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What would be dropped without a word. */
function checkEndpoint(source: ConnectorSource<RestOptions>): void {
  const { search, hash, username, password } = new URL(source.settings.endpoint);
  const hints = [
    search === '' ? undefined : 'write query pairs into the URLs of the bindings',
    hash === '' ? undefined : 'remove what follows "#"',
    username === '' && password === '' ? undefined : 'write the name and the password as auth: { basic: … }',
  ].filter((hint) => hint !== undefined);
  if (hints.length === 0) return;
  source.report(['endpoint'], {
    rule: 'rest-endpoint',
    message: 'The endpoint is an origin and a path.',
    hint: hints.join('; '),
  });
}

function toPath(root: unknown, template: string, item: Record<string, unknown>): SpecPath {
  const shared = queryParameters(root, item.parameters);
  const operations = new Map<string, { query: Map<string, { required: boolean }> }>();
  for (const method of METHODS) {
    if (item[method] === undefined) continue;
    const own = queryParameters(root, record(item[method]).parameters);
    operations.set(method, { query: new Map([...shared, ...own]) });
  }
  return { template, operations };
}

function queryParameters(root: unknown, list: unknown): Array<[string, { required: boolean }]> {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry) => {
    const parameter = record(resolveReference(root, record(entry)));
    if (parameter.in !== 'query' || typeof parameter.name !== 'string') return [];
    return [[parameter.name, { required: parameter.required === true }] as [string, { required: boolean }]];
  });
}

/** Follows `$ref` within the document, one step: parameters refer to `#/components/parameters/x`. */
function resolveReference(root: unknown, entry: Record<string, unknown>): unknown {
  const reference = entry.$ref;
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return entry;
  return reference
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (value, part) => (Object.hasOwn(record(value), part) ? record(value)[part] : undefined),
      root,
    );
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
