/** Routing keys: words separated by dots. A value fills (part of) one word and can never become a wildcard. */
import { HemError } from '../../errors.ts';
import { absentValue, type Template, toPartText } from '../../mapping/template.ts';
import type { Values } from '../../mapping/values.ts';

/** What the protocol can carry. */
export const MAX_KEY_BYTES = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const UNFIT = /[.*#\u0000-\u001f\u007f]/;

/**
 * Compiles a template into a routing key.
 * @returns a function that throws {HemError} BAD_ARGUMENT for a value that is absent, empty or of more than one word
 */
export function toRoutingKey(template: Template): (values: Values) => string {
  const only = template[0];
  if (template.length === 0) return () => '';
  if (template.length === 1 && only?.kind === 'text') return () => only.text;
  const parts = template.map((part) => {
    if (part.kind === 'text') return () => part.text;
    const text = toPartText(part);
    const { reference } = part;
    return (values: Values) => {
      const value = text(values);
      if (value === undefined) throw absentValue(reference);
      if (value === '') throw refused(reference.text, 'is empty');
      if (UNFIT.test(value)) throw refused(reference.text, 'contains ".", "*", "#" or a control character');
      if (!value.isWellFormed()) throw refused(reference.text, 'is not well-formed Unicode');
      return value;
    };
  });
  return (values) => {
    let key = '';
    for (const part of parts) key += part(values);
    // Nothing shorter than a third can exceed the limit in UTF-8.
    if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES) {
      throw refused('the routing key', `would be longer than ${MAX_KEY_BYTES} bytes`);
    }
    return key;
  };
}

function refused(what: string, why: string): HemError {
  return new HemError('BAD_ARGUMENT', {
    publicText: `"${what}" ${why}, and the backend cannot be asked with it.`,
  });
}

/** What is wrong with the text of a template, or undefined. `*` and `#` are whole words, and only where events are subscribed to. */
export function checkRoutingKey(
  template: Template,
  wildcards: boolean,
): { readonly found: string; readonly expected: string } | undefined {
  let key = '';
  for (const part of template) key += part.kind === 'text' ? part.text : '\u0000';
  const shown = (word: string) => JSON.stringify(word.replaceAll('\u0000', '{…}'));
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    return { found: `${Buffer.byteLength(key)} bytes`, expected: `at most ${MAX_KEY_BYTES} bytes` };
  }
  for (const word of key.split('.')) {
    if (!/[*#]/.test(word)) continue;
    if (!wildcards) return { found: shown(word), expected: 'no wildcard: a message has one routing key' };
    if (word !== '*' && word !== '#') return { found: shown(word), expected: '"*" or "#" as a whole word' };
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL stands for references here, the others are what is looked for
  const control = /[\u0001-\u001f\u007f]/.test(key);
  return control ? { found: shown(key), expected: 'no control characters' } : undefined;
}
