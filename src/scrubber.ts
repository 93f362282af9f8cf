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
/** What is told of a backend's error is cut after 4 KB; half of a character at the end is another one then. */
const CUT_BYTES = 4090;

/** For lines of JSON, of which nothing is left that terminals act on. @param secrets of this configuration */
export function scrubberOfLines(secrets: readonly string[]): Scrub {
  const scrub = scrubberOf(secrets.map(escaped), [...CERTAIN, ...LIKELY]);
  return (line) => {
    const scrubbed = scrub(line);
    if (ASCII.test(scrubbed)) return scrubbed;
    return scrubbed.replace(
      UNSEEN,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  };
}

/** For texts that people are to read, of which only credentials are taken. @param secrets of whoever may have written them */
export function scrubberOfText(secrets: readonly string[]): Scrub {
  const known = [...new Set([...secrets, ...secrets.map(escaped)])];
  const scrub = scrubberOf(known, CERTAIN);
  return (text) => {
    const scrubbed = scrub(text);
    if (text.length < CUT_BYTES / 4 || Buffer.byteLength(text) < CUT_BYTES) return scrubbed;
    const cut = Math.max(0, ...known.map((secret) => beginningAtEnd(scrubbed, secret)));
    return cut === 0 ? scrubbed : scrubbed.slice(0, -cut) + MASK;
  };
}

/** How many characters of a secret a text ends with. */
function beginningAtEnd(text: string, secret: string): number {
  for (let length = secret.length - 1; length >= MIN_CHARACTERS; length--)
    if (text.endsWith(secret.slice(0, length))) return length;
  return 0;
}

/** As it stands inside of a text in JSON. */
function escaped(secret: string): string {
  return JSON.stringify(secret).slice(1, -1);
}

function scrubberOf(secrets: readonly string[], shapes: readonly RegExp[]): Scrub {
  // Longer ones first, because one may begin like another.
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= MIN_CHARACTERS)
    .sort((a, b) => b.length - a.length);
  return (text) => {
    let scrubbed = text;
    for (const secret of known) scrubbed = scrubbed.replaceAll(secret, MASK);
    if (SUSPECT.test(scrubbed)) for (const shape of shapes) scrubbed = scrubbed.replace(shape, `$1${MASK}`);
    return scrubbed;
  };
}

/** For a value of JSON: its texts, and what stands under the name of a header that carries credentials. */
export function scrubValue(value: unknown, scrub: Scrub): unknown {
  if (typeof value === 'string') return scrub(value);
  if (Array.isArray(value)) return value.map((item) => scrubValue(item, scrub));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      scrub(name),
      inner !== null && IS_CREDENTIAL_HEADER.test(name) ? MASK : scrubValue(inner, scrub),
    ]),
  );
}
