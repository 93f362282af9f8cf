/** Takes out of texts what nobody may read there: credentials by their shape, and those of a configuration by their text. */
import { decoded } from './decoded-text.ts';

/** Gives a text without them. */
export type Scrub = (text: string) => string;

const MASK = '[secret]';

const CREDENTIAL_HEADERS = 'authorization|proxy-authorization|cookie|set-cookie|x-api-key';
const IS_CREDENTIAL_HEADER = new RegExp(`^(?:${CREDENTIAL_HEADERS})$`, 'i');

/** What is nothing else, as far as a text can say. Each takes what its first group has as it is. */
const CERTAIN: readonly RegExp[] = [
  // Keys of consumers.
  /()\bhem_[A-Za-z0-9_-]{8,}/g,
  // JWTs, also unsigned ones.
  /()\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?/g,
  // With a digit or a capital within: no word of a sentence, however that ends.
  /\b((?:[Bb]earer|BEARER|[Bb]asic|BASIC) )(?=[\w.~+/-]*[\dA-Z_~+=])[\w.~+/-]{8,}=*/g,
  // user:password@host
  /(:\/\/)[^/\s"@]{1,512}@/g,
];
/** What may be something else, and is none of a log's business. */
const LIKELY: readonly RegExp[] = [
  /\b(bearer |basic )[\w.~+/=-]{8,}/gi,
  // In addresses and forms.
  /\b((?:access_token|id_token|refresh_token|token|api[-_]?key|apikey|password|passwd|secret|client_secret|signature)=)[^&\s"\\]+/gi,
  // As text or as JSON inside of the text of an error.
  new RegExp(String.raw`\b((?:${CREDENTIAL_HEADERS})\\?"?\s?[:=]\s?\\?"?)[^"\\\r\n]+`, 'gi'),
];

/** Most lines have nothing of it, and one look is enough. */
const SUSPECT = new RegExp(String.raw`hem_|eyJ|bearer|basic|:\/\/|=|${CREDENTIAL_HEADERS}`, 'i');

/** What JSON leaves as it is and terminals act on: further control characters, separators, what changes the direction of text. */
const UNSEEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const DIGITS = /^\d+$/;
const JSON_TEXT = /"(?:[^"\\]|\\.)*"/g;

const ASCII = /^[\n\x20-\x7e]*$/;

/** Shorter ones would be found in words. */
const MIN_CHARACTERS = 6;

/** Shorter texts are not cut. */
const MIN_CUT_CHARACTERS = 1000;
/** What a text may end with where it was cut: the half of an escape, or of a character. */
const CUT = /(?:\\+(?:u[0-9a-fA-F]{0,3})?|u[0-9a-fA-F]{0,3}|%[0-9a-fA-F]?|&#?\w{0,8})?[\ufffd\u2026]{0,3}$/;
const MAX_CUT_CHARACTERS = 16;

/** For lines of JSON, of which nothing is left that terminals act on. @param secrets of this configuration */
export function scrubberOfLines(secrets: readonly string[]): Scrub {
  const all = longestFirst(secrets.map(escaped));
  const known = all.filter((secret) => !DIGITS.test(secret));
  const digits = all.filter((secret) => DIGITS.test(secret));
  return (line) => {
    let scrubbed = line;
    for (const secret of known) scrubbed = scrubbed.replaceAll(secret, MASK);
    // Not in numbers, of which a line has all kinds.
    for (const secret of digits)
      if (scrubbed.includes(secret))
        scrubbed = scrubbed.replace(JSON_TEXT, (text) => text.replaceAll(secret, MASK));
    if (SUSPECT.test(scrubbed))
      for (const shape of [...CERTAIN, ...LIKELY]) scrubbed = scrubbed.replace(shape, `$1${MASK}`);
    if (ASCII.test(scrubbed)) return scrubbed;
    return scrubbed.replace(
      UNSEEN,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  };
}

/** For texts that people are to read, of which only credentials are taken. @param secrets of whoever may have written them */
export function scrubberOfText(secrets: readonly string[]): Scrub {
  const known = longestFirst(secrets);
  const meant = longestFirst(known.map((secret) => decoded(secret).text));
  return (text) => {
    let scrubbed = known.length === 0 ? text : withoutSecrets(text, known, meant);
    if (SUSPECT.test(scrubbed)) for (const shape of CERTAIN) scrubbed = scrubbed.replace(shape, `$1${MASK}`);
    return scrubbed;
  };
}

/** A part of a text that nobody may read. */
interface Part {
  readonly start: number;
  readonly end: number;
}

/** As they are, and however else they are written: what stands beside one may look like a part of an escape. */
function withoutSecrets(original: string, known: readonly string[], meant: readonly string[]): string {
  const mayBeCut = original.length >= MIN_CUT_CHARACTERS;
  const parts = [...partsWith(original, known, mayBeCut)];
  const { text, startOf, endOf } = decoded(original);
  if (text !== original)
    for (const { start, end } of partsWith(text, meant, mayBeCut))
      parts.push({ start: startOf(start), end: end === text.length ? original.length : endOf(end - 1) });
  let masked = '';
  let at = 0;
  for (const { start, end } of parts.sort((a, b) => a.start - b.start)) {
    if (end <= at) continue;
    masked += start < at ? '' : original.slice(at, start) + MASK;
    at = end;
  }
  return masked + original.slice(at);
}

function* partsWith(text: string, secrets: readonly string[], mayBeCut: boolean): Generator<Part> {
  for (const secret of secrets)
    for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + secret.length))
      yield { start: at, end: at + secret.length };
  if (!mayBeCut) return;
  // Also without what a text ends with where it was cut within an escape.
  const cut = CUT.exec(text.slice(-MAX_CUT_CHARACTERS))?.[0].length ?? 0;
  for (const end of new Set([text, text.slice(0, text.length - cut)]))
    for (const secret of secrets) {
      const start = beginningAtEnd(end, secret);
      if (start !== -1) yield { start, end: text.length };
    }
}

/** Where the beginning of a secret stands that a text ends with; -1 where none does. */
function beginningAtEnd(text: string, secret: string): number {
  const head = secret.slice(0, MIN_CHARACTERS);
  let at = text.indexOf(head, Math.max(0, text.length - secret.length + 1));
  while (at !== -1 && !secret.startsWith(text.slice(at))) at = text.indexOf(head, at + 1);
  return at;
}

/** As it stands inside of a text in JSON. */
function escaped(secret: string): string {
  return JSON.stringify(secret).slice(1, -1);
}

/** Because one may begin like another. */
function longestFirst(secrets: readonly string[]): readonly string[] {
  return [...new Set(secrets)]
    .filter((secret) => secret.length >= MIN_CHARACTERS)
    .sort((a, b) => b.length - a.length);
}

/** For a value of JSON: its texts, and what stands under the name of a header that carries credentials. */
export function scrubValue(value: unknown, scrub: Scrub): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value === 'number') return scrub(String(value)) === String(value) ? value : MASK;
  if (Array.isArray(value)) return value.map((item) => scrubValue(item, scrub));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      scrub(name),
      inner !== null && IS_CREDENTIAL_HEADER.test(name) ? MASK : scrubValue(inner, scrub),
    ]),
  );
}
