/** URL templates: which references become path segments and which query pairs, and how values are encoded. */
import { HemError } from '../../errors.ts';
import {
  absentValue,
  scalarText,
  type Template,
  type TemplatePart,
  toPartText,
  toPartValue,
} from '../../mapping/template.ts';
import type { Values } from '../../mapping/values.ts';

type PathPiece = readonly TemplatePart[];

export interface UrlTemplate {
  /** Per path segment. */
  readonly segments: readonly PathPiece[];
  readonly pairs: ReadonlyArray<{ readonly name: string; readonly value: readonly TemplatePart[] }>;
}

/** Cuts a template at "?", "/" and "&". References never contain these, values are encoded later. */
export function splitUrl(template: Template): UrlTemplate {
  const [path = [], ...query] = split(template, '?');
  const segments = split(path, '/').slice(1);
  const pairs = query
    .flatMap((part) => split(part, '&'))
    .filter((pair) => pair.length > 0)
    .map((pair) => {
      const [name = [], ...value] = split(pair, '=');
      return { name: textOf(name), value: value.flat() };
    });
  return { segments, pairs };
}

/** As OpenAPI writes it: references as "{}". */
export function shapeOf(url: UrlTemplate): string {
  return `/${url.segments.map((piece) => piece.map((part) => (part.kind === 'text' ? part.text : '{}')).join('')).join('/')}`;
}

/** Compiles a URL template below a base path. */
export function toUrl(url: UrlTemplate, basePath: string): (values: Values) => string {
  const segments = url.segments.map(toSegment);
  const pairs = url.pairs.map(toPair);
  return (values) => {
    let path = basePath;
    for (const segment of segments) path += `/${segment(values)}`;
    let separator = '?';
    for (const pair of pairs) {
      const text = pair(values);
      if (text === '') continue;
      path += separator + text;
      separator = '&';
    }
    return path === '' ? '/' : path;
  };
}

function toSegment(piece: PathPiece): (values: Values) => string {
  const only = piece[0];
  if (piece.length === 0) return () => '';
  if (piece.length === 1 && only?.kind === 'text') return () => only.text;
  const parts = piece.map((part) => {
    if (part.kind === 'text') return () => part.text;
    const text = toPartText(part);
    return (values: Values) => {
      const value = text(values);
      if (value === undefined) throw absentValue(part.reference);
      if (value === '') throw refused(part.reference.text, 'is empty');
      return encode(value, part.reference.text);
    };
  });
  return (values) => {
    let segment = '';
    for (const part of parts) segment += part(values);
    // A segment of dots would climb, and no encoding of dots survives URL normalisation.
    if (segment === '.' || segment === '..')
      throw refused('the path', `would contain the segment "${segment}"`);
    return segment;
  };
}

/** A pair is dropped when its reference is absent or null; a list repeats it. */
function toPair({ name, value }: UrlTemplate['pairs'][number]): (values: Values) => string {
  const only = value[0];
  if (value.length === 1 && only?.kind === 'value' && !only.csv) {
    const evaluate = toPartValue(only);
    const pair = (item: unknown) =>
      `${name}=${encode(scalarText(item, only.reference), only.reference.text)}`;
    return (values) => {
      const given = evaluate(values);
      if (given === undefined || given === null) return '';
      if (!Array.isArray(given)) return pair(given);
      return given
        .filter((item) => item !== undefined && item !== null)
        .map(pair)
        .join('&');
    };
  }
  const parts = value.map((part) => {
    if (part.kind === 'text') return () => part.text;
    const text = toPartText(part);
    return (values: Values) => {
      const given = text(values);
      return given === undefined ? undefined : encode(given, part.reference.text);
    };
  });
  if (parts.length === 0) return () => name;
  return (values) => {
    const texts = parts.map((part) => part(values));
    return texts.includes(undefined) ? '' : `${name}=${texts.join('')}`;
  };
}

function encode(value: string, reference: string): string {
  if (!value.isWellFormed()) throw refused(reference, 'is not well-formed Unicode');
  return encodeURIComponent(value);
}

function refused(what: string, why: string): HemError {
  return new HemError('BAD_ARGUMENT', {
    publicText: `"${what}" ${why}, and the backend cannot be asked with it.`,
  });
}

function split(template: Template, separator: string): TemplatePart[][] {
  const pieces: TemplatePart[][] = [[]];
  for (const part of template) {
    if (part.kind === 'value') {
      pieces.at(-1)!.push(part);
      continue;
    }
    const [first = '', ...rest] = part.text.split(separator);
    if (first !== '') pieces.at(-1)!.push({ kind: 'text', text: first });
    for (const text of rest) pieces.push(text === '' ? [] : [{ kind: 'text', text }]);
  }
  return pieces;
}

function textOf(parts: readonly TemplatePart[]): string {
  return parts.map((part) => (part.kind === 'text' ? part.text : `{${part.reference.text}}`)).join('');
}
