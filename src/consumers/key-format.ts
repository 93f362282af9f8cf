/**
 * `hem_<live|test|portal>_<id>_<secret>_<checksum>`, all in base62: 12 characters (71 bits) name it, 32 (190 bits) are secret, 6 are the
 * CRC-32 of what stands before the last "_". What was not made here, or was mistyped, is told apart without any look-up.
 */
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** `portal` is what a consumer manages its keys with. */
export type KeyKind = 'live' | 'test' | 'portal';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_CHARACTERS = 12;
const SECRET_CHARACTERS = 32;
const CHECKSUM_CHARACTERS = 6;
const KEY = /^hem_(live|test|portal)_([0-9A-Za-z]{12})_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/;
const SHORTEST = 'hem_live___'.length + ID_CHARACTERS + SECRET_CHARACTERS + CHECKSUM_CHARACTERS;
const LONGEST = SHORTEST + 'portal'.length - 'live'.length;

export interface KeyName {
  readonly kind: KeyKind;
  readonly id: string;
}

/** What a text says of itself, if it is of our format; whether there is such a key is another question. */
export function parseKey(text: string): KeyName | undefined {
  if (text.length < SHORTEST || text.length > LONGEST) return undefined;
  const match = KEY.exec(text);
  if (match === null) return undefined;
  if (checksumIn(text) !== crc32(text.slice(0, -CHECKSUM_CHARACTERS - 1))) return undefined;
  return { kind: match[1] as KeyKind, id: match[2]! };
}

/** Whether a text means to be a key of ours. */
export function looksLikeKey(text: string): boolean {
  return text.startsWith('hem_');
}

export function makeKey(kind: KeyKind): { readonly id: string; readonly text: string } {
  const id = randomId();
  const body = `hem_${kind}_${id}_${randomText(SECRET_CHARACTERS)}`;
  return { id, text: `${body}_${checksumOf(body)}` };
}

export function randomId(): string {
  return randomText(ID_CHARACTERS);
}

function randomText(length: number): string {
  let text = '';
  for (let index = 0; index < length; index++) text += DIGITS[randomInt(DIGITS.length)]!;
  return text;
}

/** What the last characters, which are base62, say as a number. */
function checksumIn(text: string): number {
  let value = 0;
  for (let index = text.length - CHECKSUM_CHARACTERS; index < text.length; index++) {
    const code = text.charCodeAt(index);
    // "0" is 48, "A" 65, "a" 97.
    value = value * DIGITS.length + code - (code < 65 ? 48 : code < 97 ? 55 : 61);
  }
  return value;
}

function checksumOf(body: string): string {
  let text = '';
  for (let rest = crc32(body); text.length < CHECKSUM_CHARACTERS; rest = Math.floor(rest / DIGITS.length))
    text = DIGITS[rest % DIGITS.length]! + text;
  return text;
}
