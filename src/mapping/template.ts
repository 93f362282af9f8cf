/**
 * Templates: text with references in braces, `rides.{city}.{bike.id}`. `{{` and `}}` are literal braces.
 * A reference may end in `|csv`, which joins a list with commas. Described in `docs/mapping.md`.
 */
import { HemError } from '../errors.ts';
import { GrammarError } from './path.ts';
import { parseReference, type Reference, toValueOf, type ValueOf, type Values } from './values.ts';

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly reference: Reference; readonly csv: boolean };

export type Template = readonly TemplatePart[];

/** @throws {GrammarError} */
export function parseTemplate(text: string): Template {
  const parts: TemplatePart[] = [];
  let literal = '';
  let offset = 0;
  while (offset < text.length) {
    const character = text[offset]!;
    if (character !== '{' && character !== '}') {
      literal += character;
      offset++;
    } else if (text[offset + 1] === character) {
      literal += character;
      offset += 2;
    } else if (character === '}') {
      throw new GrammarError(offset, '"}"', '"{" before it, or "}}" for a literal brace');
    } else {
      const close = text.indexOf('}', offset);
      if (close === -1) throw new GrammarError(text.length, 'the end', '"}"');
      const inside = text.slice(offset + 1, close);
      if (inside.trim() === '') throw new GrammarError(offset + 1, '"}"', 'a name');
      const [name = '', filter] = inside.split('|');
      if (filter !== undefined && filter.trim() !== 'csv') {
        throw new GrammarError(offset + 1 + name.length + 1, `"${filter.trim()}"`, '"csv"');
      }
      if (literal !== '') parts.push({ kind: 'text', text: literal });
      literal = '';
      parts.push({
        kind: 'value',
        reference: parseReference(name.trim(), offset + 1),
        csv: filter !== undefined,
      });
      offset = close + 1;
    }
  }
  if (literal !== '') parts.push({ kind: 'text', text: literal });
  return parts;
}

export function referencesOf(template: Template): readonly Reference[] {
  return template.flatMap((part) => (part.kind === 'value' ? [part.reference] : []));
}

/** The value of one part as text, or undefined when absent or null. */
export function toPartText(part: TemplatePart & { kind: 'value' }): (values: Values) => string | undefined {
  const evaluate = toValueOf(part.reference);
  const { csv } = part;
  return (values) => {
    const value = evaluate(values);
    if (value === undefined || value === null) return undefined;
    if (csv && Array.isArray(value)) return value.map((item) => csvText(item, part.reference)).join(',');
    return scalarText(value, part.reference);
  };
}

/**
 * Compiles a template into text where every reference must have a value.
 * @returns a function that throws {HemError} BAD_ARGUMENT when one is absent
 */
export function toText(template: Template): (values: Values) => string {
  const parts = template.map((part) => {
    if (part.kind === 'text') return () => part.text;
    const textOf = toPartText(part);
    return (values: Values) => {
      const text = textOf(values);
      if (text === undefined) throw absentValue(part.reference);
      return text;
    };
  });
  if (parts.length === 1) return parts[0]!;
  return (values) => parts.map((part) => part(values)).join('');
}

export function absentValue(reference: Reference): HemError {
  return new HemError('BAD_ARGUMENT', {
    publicText: `"${reference.text}" has no value, and the backend cannot be asked without it.`,
  });
}

/** Text of a scalar value. Objects and lists have no text of their own. */
export function scalarText(value: unknown, reference: Reference): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  throw new HemError('BAD_ARGUMENT', {
    publicText: `"${reference.text}" is ${Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : typeof value}, where a single value is needed.`,
  });
}

/** One item with a comma would be read as two. */
function csvText(item: unknown, reference: Reference): string {
  const text = scalarText(item, reference);
  if (!text.includes(',')) return text;
  throw new HemError('BAD_ARGUMENT', {
    publicText: `"${reference.text}" has an item with a comma, and the backend would take it for two.`,
  });
}

/** A part's value as given, for places that treat lists on their own (query pairs). */
export function toPartValue(part: TemplatePart & { kind: 'value' }): ValueOf {
  return toValueOf(part.reference);
}
