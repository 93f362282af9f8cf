/** Checks one `@rest` directive and compiles its templates. */
import { type GraphQLInputType, getNamedType, getNullableType, isInputObjectType, isLeafType } from 'graphql';
import type { Literal } from '../../mapping/literal.ts';
import { referencesOf, type Template, toText } from '../../mapping/template.ts';
import { rootOf, type ValueOf, type Values } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import { argumentsIn, inTemplate, reportUnused } from '../arguments.ts';
import { NEVER_FORWARDED } from '../header-settings.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import { checkNoIdentity } from '../own-header.ts';
import { METHODS, type RestSpec } from './load.ts';
import type { RestOptions } from './options.ts';
import { shapeOf, splitUrl, toUrl, type UrlTemplate } from './url.ts';

export interface RestBinding {
  readonly method: string;
  /** It is no mutation. */
  readonly isRead: boolean;
  /** Path and query, relative to the origin. */
  readonly url: (values: Values) => string;
  readonly headers: ReadonlyArray<{ readonly name: string; readonly value: (values: Values) => string }>;
  readonly body: { readonly as: 'json' | 'form' | 'multipart'; readonly value: ValueOf } | undefined;
  /** What "not found" means: nothing at a lookup, no at a question for existence; undefined where it is a failure. */
  readonly missing: null | false | undefined;
  /** What a success without a body means. */
  readonly empty: null | true;
  /** Whether an answer of text is the value. */
  readonly text: boolean;
}

const BODIES = ['body', 'form', 'multipart'] as const;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export function bind(
  field: FieldToBind,
  spec: RestSpec,
  source: ConnectorSource<RestOptions>,
): RestBinding | undefined {
  const methods = METHODS.filter((method) => field.directive[method] !== undefined);
  const method = methods[0];
  if (method === undefined || methods.length > 1) {
    field.report({
      rule: 'rest-method',
      message: `@rest on ${field.coordinate} needs exactly one URL.`,
      found: methods.length === 0 ? 'none' : methods.join(' and '),
      expected: `one of ${METHODS.join(', ')}`,
    });
    return undefined;
  }
  const template = field.template([method]);
  const body = bindBody(field, method);
  const headers = bindHeaders(field, source);
  if (template === undefined) return undefined;
  const url = splitUrl(template);
  const isQuestion =
    String(getNullableType(field.type)) === 'Boolean' && field.directive.select === undefined;
  checkUrl(field, method, url, template);
  if (spec.paths !== undefined) checkAgainstSpec(field, method, url, spec);
  // What could not be read may use any argument.
  const complete =
    (body !== undefined || BODIES.every((name) => field.directive[name] === undefined)) &&
    headers.length === ((field.directive.headers ?? []) as readonly unknown[]).length;
  if (complete) {
    const templates = [template, ...headers.map((header) => header.template)];
    const used = argumentsIn([...templates.flatMap(referencesOf), ...(body?.literal.references ?? [])]);
    const place = 'the URL or a header, or with "$" in the body';
    reportUnused(field, used, { rule: 'rest-unused-argument', write: inTemplate, place });
  }
  return {
    method: method.toUpperCase(),
    isRead: field.use !== 'mutation',
    url: toUrl(url, new URL(source.settings.endpoint).pathname.replace(/\/+$/, '')),
    headers: headers.map(({ name, template }) => ({ name, value: toText(template) })),
    body: body === undefined ? undefined : { as: body.as, value: body.literal.evaluate },
    missing: field.isLookup ? null : method === 'head' && isQuestion ? false : undefined,
    empty: isQuestion ? true : null,
    text: isLeafType(getNullableType(field.type)) && field.directive.select === undefined,
  };
}

function bindBody(
  field: FieldToBind,
  method: string,
): { as: 'json' | 'form' | 'multipart'; literal: Literal } | undefined {
  const given = BODIES.filter((name) => field.directive[name] !== undefined);
  const name = given[0];
  if (name === undefined) return undefined;
  if (given.length > 1 || method === 'get' || method === 'head') {
    field.report(
      {
        rule: 'rest-body',
        message:
          given.length > 1 ? 'A request has one body.' : `A ${method.toUpperCase()} request has no body.`,
        found: given.join(' and '),
      },
      [given.at(-1)!],
    );
  }
  const literal = field.literal([name]);
  if (literal === undefined) return undefined;
  if (name !== 'multipart') checkNoUploads(field, name, literal);
  if (name !== 'body' && literal.node.kind !== 'ObjectValue' && literal.node.kind !== 'Variable') {
    field.report(
      { rule: 'rest-body', message: `"${name}" must be an object.`, expected: '{ name: $argument, … }' },
      [name],
    );
  }
  return { as: name === 'body' ? 'json' : name, literal };
}

/** In JSON and in forms a file would become "{}". */
function checkNoUploads(field: FieldToBind, name: string, literal: Literal): void {
  const roots = new Set(literal.references.filter(({ source }) => source === 'args').map(rootOf));
  const file = field.args.find(({ name, type }) => roots.has(name) && holdsUpload(type, new Set()));
  if (file === undefined) return;
  field.report(
    {
      rule: 'rest-upload',
      message: `A file cannot be sent in "${name}".`,
      found: `$${file.name}`,
      hint: 'send it with "multipart"',
    },
    [name],
  );
}

function holdsUpload(type: GraphQLInputType, seen: Set<string>): boolean {
  const named = getNamedType(type);
  if (named.name === 'Upload') return true;
  if (!isInputObjectType(named) || seen.has(named.name)) return false;
  seen.add(named.name);
  return Object.values(named.getFields()).some((field) => holdsUpload(field.type, seen));
}

function bindHeaders(
  field: FieldToBind,
  source: ConnectorSource<RestOptions>,
): Array<{ name: string; template: Template }> {
  const headers = (field.directive.headers ?? []) as ReadonlyArray<{ name: string; value: string }>;
  return headers.flatMap(({ name }, index) => {
    const isOfTransport = name.toLowerCase() !== 'content-type' && NEVER_FORWARDED.has(name.toLowerCase());
    if (!HEADER_NAME.test(name) || isOfTransport) {
      field.report(
        {
          rule: 'rest-header',
          message: isOfTransport ? 'This header belongs to the transport.' : 'This is not a header name.',
          found: JSON.stringify(name),
        },
        ['headers', index, 'name'],
      );
    }
    checkNoIdentity(name, ['headers', index, 'name'], field, source);
    const template = field.template(['headers', index, 'value']);
    return template === undefined ? [] : [{ name: name.toLowerCase(), template }];
  });
}

function checkUrl(field: FieldToBind, method: string, url: UrlTemplate, template: Template): void {
  const first = template[0];
  if (first?.kind !== 'text' || !first.text.startsWith('/') || first.text.startsWith('//')) {
    field.report(
      {
        rule: 'rest-url',
        message: 'A URL template begins with one "/": the origin is the endpoint of connector.yml.',
        found: JSON.stringify(field.directive[method]),
        expected: '"/path/{argument}"',
      },
      [method],
      0,
    );
  }
  const texts = url.segments.flat().flatMap((part) => (part.kind === 'text' ? [part.text] : []));
  const whole = url.segments.flatMap(([part, next]) =>
    part?.kind === 'text' && next === undefined ? [part.text] : [],
  );
  const bad =
    whole.find((text) => text === '.' || text === '..') ??
    texts.find((text) => /[#\\\s]|[^\x21-\x7e]/.test(text));
  if (bad !== undefined) {
    field.report(
      {
        rule: 'rest-url',
        message: 'A path has no dots-only segment, "#", "\\", spaces or non-ASCII text.',
        found: JSON.stringify(bad),
      },
      [method],
    );
  }
  const value = url.pairs
    .flatMap(({ value }) => value)
    .find((part) => part.kind === 'text' && /[#\\\s]|[^\x21-\x7e]/.test(part.text));
  if (value?.kind === 'text') {
    field.report(
      {
        rule: 'rest-url',
        message: 'A query has no "#", "\\", spaces or non-ASCII text; write them percent-encoded.',
        found: JSON.stringify(value.text),
      },
      [method],
    );
  }
  const pair = url.pairs.find(({ name }) => name === '' || /[{}#\\\s]|[^\x21-\x7e]/.test(name));
  if (pair !== undefined) {
    field.report(
      {
        rule: 'rest-url',
        message: 'The name of a query pair is plain text.',
        found: JSON.stringify(pair.name),
      },
      [method],
    );
  }
}

function checkAgainstSpec(field: FieldToBind, method: string, url: UrlTemplate, spec: RestSpec): void {
  const shape = shapeOf(url);
  const text = String(field.directive[method]);
  const path = text.split('?')[0]!;
  const known = spec.paths!.find(({ template }) => template.replace(/\{[^}]*\}/g, '{}') === shape);
  if (known === undefined) {
    field.report(
      {
        rule: 'rest-unknown-path',
        message: `${spec.file} has no such path.`,
        found: path,
        expected: 'a path of the OpenAPI document',
        hint: didYouMean(
          path,
          spec.paths!.map(({ template }) => template),
        ),
      },
      [method],
    );
    return;
  }
  const operation = known.operations.get(method);
  if (operation === undefined) {
    field.report(
      {
        rule: 'rest-unknown-method',
        message: `${spec.file} has ${known.template}, but not for this method.`,
        found: method,
        expected: [...known.operations.keys()].join(', '),
      },
      [method],
    );
    return;
  }
  for (const { name } of url.pairs) {
    if (operation.query.has(name)) continue;
    field.report(
      {
        rule: 'rest-unknown-query',
        message: `${spec.file} knows no query parameter of this name at ${known.template}.`,
        found: name,
        expected: [...operation.query.keys()].join(', ') || 'none',
        hint: didYouMean(name, operation.query.keys()),
      },
      [method],
      Math.max(0, text.search(new RegExp(`[?&]${RegExp.escape(name)}=`)) + 1),
    );
  }
  for (const [name, { required }] of operation.query) {
    if (required && !url.pairs.some((pair) => pair.name === name)) {
      field.report(
        {
          rule: 'rest-missing-query',
          message: `${spec.file} requires the query parameter "${name}" at ${known.template}.`,
          hint: `add "${name}={…}" to the URL`,
        },
        [method],
      );
    }
  }
}
