/**
 * Patterns of what certificates are called: `spiffe://prod.example/ns/web/*`, `dns:*.example.com`, `sha256:<hex>`, or a subject such as
 * `CN=*,O=Example`. A `*` stands for any text between two separators, at the end of a pattern for any rest.
 */

/** What a `*` in the middle does not go past; a subject's parts have commas between. */
const SEPARATORS = { 'spiffe:': '/', 'dns:': '.', 'sha256:': '', subject: ',' } as const;
type NameKind = keyof typeof SEPARATORS;
/** Of the value of one attribute (RFC 2253): a comma or a plus that belongs to it has a backslash before it. */
const VALUE_OF_SUBJECT = '(?:[^,+\\\\]|\\\\.)*';

const MAX_CHARACTERS = 1000;

/** What a pattern should look like, for problems. */
export const PATTERN_FORMS =
  'spiffe://domain/path, dns:name, sha256:hex or a subject such as "CN=name,O=company"; "*" once between two separators, or at the end';

/** Undefined when it is none. Matches in time that grows with the name's length only: there is one `*` between two separators. */
export function toPattern(text: string): RegExp | undefined {
  const kind = kindOf(text);
  if (kind === undefined || text.length > MAX_CHARACTERS) return undefined;
  const separator = SEPARATORS[kind];
  const parts = separator === '' ? [text] : text.split(separator);
  if (parts.some((part) => part.split('*').length > 2)) return undefined;
  if (kind === 'sha256:' && !/^sha256:[\da-f]{64}$/.test(text)) return undefined;
  // Whoever owns a trust domain decides on what is in it, and on nothing else.
  if (kind === 'spiffe:' && !/^spiffe:\/\/[a-z\d._-]+(?:\/|$)/.test(text)) return undefined;
  const isOpen = text.endsWith('*');
  const between = kind === 'subject' ? VALUE_OF_SUBJECT : `[^${literally(separator)}]*`;
  const middle = literally(isOpen ? text.slice(0, -1) : text)
    .split('\\*')
    .join(between);
  return new RegExp(`^${middle}${isOpen ? '.+' : ''}$`, 's');
}

function kindOf(text: string): NameKind | undefined {
  if (text.startsWith('spiffe:')) return 'spiffe:';
  if (text.startsWith('dns:')) return 'dns:';
  if (text.startsWith('sha256:')) return 'sha256:';
  return text.includes('=') ? 'subject' : undefined;
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
