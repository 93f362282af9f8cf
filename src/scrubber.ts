/** Takes out of texts what nobody may read there: credentials by their shape, and those of a configuration by their text. */

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

const ASCII = /^[\n\x20-\x7e]*$/;

/** Shorter ones would be found in words. */
const MIN_CHARACTERS = 6;

/** Shorter texts are not cut. */
const MIN_CUT_CHARACTERS = 1000;
/** What a text ends with where it was cut. */
const CUT = /[\ufffd\u2026]+$/;

const NAMED: ReadonlyMap<string, string> = new Map([
  ['&', 'amp'],
  ['<', 'lt'],
  ['>', 'gt'],
  ['"', 'quot'],
  ["'", 'apos'],
]);

const IN_JSON: ReadonlyMap<string, string> = new Map([
  ['\n', 'n'],
  ['\r', 'r'],
  ['\t', 't'],
]);

/** As many as a text within a text within a text has. */
const BACKSLASHES = '\\\\';

/** For lines of JSON, of which nothing is left that terminals act on. @param secrets of this configuration */
export function scrubberOfLines(secrets: readonly string[]): Scrub {
  const known = longestFirst(secrets.map(escaped));
  return (line) => {
    let scrubbed = line;
    for (const secret of known) scrubbed = scrubbed.replaceAll(secret, MASK);
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
  const patterns = known.map(anyWritingOf);
  const beginnings = [...new Set([...known, ...known.map(escaped)])];
  return (text) => {
    let scrubbed = text;
    for (const pattern of patterns) scrubbed = scrubbed.replace(pattern, MASK);
    if (SUSPECT.test(scrubbed)) for (const shape of CERTAIN) scrubbed = scrubbed.replace(shape, `$1${MASK}`);
    return withoutBeginning(scrubbed, beginnings);
  };
}

/** Texts of backends are cut, in the middle of a character, too: what a text ends with may be the beginning of a credential. */
function withoutBeginning(text: string, secrets: readonly string[]): string {
  if (text.length < MIN_CUT_CHARACTERS) return text;
  const [end = ''] = CUT.exec(text) ?? [];
  const whole = text.slice(0, text.length - end.length);
  const cut = Math.max(0, ...secrets.map((secret) => beginningAtEnd(whole, secret)));
  return cut === 0 ? text : whole.slice(0, -cut) + MASK + end;
}

/** How many characters of a secret a text ends with. */
function beginningAtEnd(text: string, secret: string): number {
  for (let length = secret.length - 1; length >= MIN_CHARACTERS; length--)
    if (text.endsWith(secret.slice(0, length))) return length;
  return 0;
}

/** A text however it is written: as it is, in JSON (also as a text within one), in an address or form, in HTML or XML. */
function anyWritingOf(secret: string): RegExp {
  return new RegExp([...secret].map(anyWritingOfCharacter).join(''), 'g');
}

function anyWritingOfCharacter(character: string): string {
  if (/[A-Za-z0-9]/.test(character)) return character;
  const code = character.codePointAt(0)!;
  const ways = [
    `${BACKSLASHES}{0,8}${RegExp.escape(character)}`,
    unitsOf(character),
    [...Buffer.from(character)].map((byte) => `%${eitherCase(byte.toString(16).padStart(2, '0'))}`).join(''),
    `&#0*${code};`,
    `&#[xX]0*${eitherCase(code.toString(16))};`,
    ...(NAMED.has(character) ? [`&${NAMED.get(character)};`] : []),
    ...(IN_JSON.has(character) ? [`${BACKSLASHES}{1,8}${IN_JSON.get(character)}`] : []),
    ...(character === ' ' ? ['\\+'] : []),
  ];
  return `(?:${ways.join('|')})`;
}

/** `\u002f` for each unit of UTF-16. */
function unitsOf(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `${BACKSLASHES}{1,8}u${eitherCase(character.charCodeAt(at).toString(16).padStart(4, '0'))}`,
  ).join('');
}

function eitherCase(hex: string): string {
  return hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
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
