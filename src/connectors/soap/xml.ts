/**
 * Reads XML as a sequence of events, with namespaces. Only what SOAP allows: a document type declaration is refused, so there
 * are no entities but the five of XML and numbers, and nothing outside of the text is ever loaded.
 */
import { tooMany, VALUES_PER_OBJECT } from '../../upstream/many-objects.ts';

/** The text is not well-formed, or more than this reader accepts. */
export class XmlError extends Error {
  /** Character offset within the text. */
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.name = 'XmlError';
    this.offset = offset;
  }
}

export interface XmlAttribute {
  readonly local: string;
  /** Empty for attributes without a prefix. */
  readonly namespace: string;
  readonly value: string;
}

export interface XmlName {
  readonly local: string;
  readonly namespace: string;
}

export type XmlEvent = 'open' | 'close' | 'text' | 'end';

export const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
export const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/';

/** Deeper documents are refused: whoever reads them recurses. */
const MAX_DEPTH = 200;
const MAX_ATTRIBUTES = 1000;
/** Prefixes in scope: each name is looked for among them. */
const MAX_PREFIXES = 200;

// biome-ignore lint/suspicious/noControlCharactersInRegex: what XML 1.0 has no way to carry
const NOT_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_.\u00b7-]*$/u;
const NO_ATTRIBUTES: readonly XmlAttribute[] = [];

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const APOSTROPHE = 39;
const SLASH = 47;
const LESS = 60;
const EQUALS = 61;
const GREATER = 62;

export class XmlReader {
  /** Of the element just opened. */
  local = '';
  /** Of the element just opened; empty for none. */
  namespace = '';
  /** Of the element just opened, without namespace declarations. */
  attributes: readonly XmlAttribute[] = NO_ATTRIBUTES;
  /** Namespace declarations of the element just opened, prefix and address in turn; the empty prefix is the default namespace. */
  declarations: readonly string[] = [];
  /** Of the text event just read; entities are resolved. */
  text = '';
  /** Where the last event begins. */
  offset = 0;

  readonly #source: string;
  #at = 0;
  #selfClosed = false;
  #rootSeen = false;
  /** Names as written of the open elements. */
  readonly #names: string[] = [];
  /** Prefixes in scope and their namespaces, innermost last. Servers made with the `soap` package write xsi:nil and declare no xsi. */
  readonly #prefixes: string[] = ['xml', '', 'xsi'];
  readonly #namespaces: string[] = [XML_NAMESPACE, '', XSI];
  /** How many prefixes were in scope before each open element. */
  readonly #marks: number[] = [];
  readonly #split = new Map<string, { readonly prefix: string; readonly local: string }>();

  #records = 0;
  #elements = 0;
  readonly #maxRecords: number;

  /** @param maxRecords see {@link countRecord} @throws {XmlError} when the text has characters that XML has not */
  constructor(source: string, maxRecords = Number.POSITIVE_INFINITY) {
    this.#maxRecords = maxRecords;
    this.#source = source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source;
    if (source.charCodeAt(0) === 0xfeff) this.#at = 1;
    const bad = NOT_XML.exec(this.#source);
    if (bad !== null) throw new XmlError(bad.index, 'a character that XML does not allow');
  }

  /** The text that offsets count in: line ends are single newlines. */
  get source(): string {
    return this.#source;
  }

  /** To be called for each element that becomes more than a text. @throws {XmlError} when there are too many of them */
  countRecord(): void {
    if (++this.#records > this.#maxRecords) {
      throw this.#tooMany();
    }
  }

  #tooMany(): XmlError {
    return new XmlError(this.offset, `${tooMany(this.#maxRecords)},`);
  }

  /** @throws {XmlError} */
  next(): XmlEvent {
    if (this.#selfClosed) {
      this.#selfClosed = false;
      this.#leave();
      return 'close';
    }
    const source = this.#source;
    for (;;) {
      const at = this.#at;
      this.offset = at;
      if (at >= source.length) return this.#end();
      if (source.charCodeAt(at) !== LESS) {
        if (this.#readCharacters(at)) return 'text';
        continue;
      }
      switch (source[at + 1]) {
        case '/':
          this.#close(at);
          return 'close';
        case '?':
          this.#at = this.#after('?>', at + 2, 'the end of a processing instruction');
          continue;
        case '!':
          if (source.startsWith('<!--', at)) {
            this.#at = this.#after('-->', at + 4, 'the end of a comment');
            continue;
          }
          if (!source.startsWith('<![CDATA[', at)) throw new XmlError(at, 'a document type declaration');
          if (this.#names.length === 0) throw new XmlError(at, 'text outside of the root element');
          this.#at = this.#after(']]>', at + 9, 'the end of a CDATA section');
          this.text = source.slice(at + 9, this.#at - 3);
          return 'text';
        default:
          this.#open(at);
          return 'open';
      }
    }
  }

  /** The text of the element just opened, up to and with its end. Elements inside are passed over. */
  readText(): string {
    if (this.#selfClosed) {
      this.next();
      return '';
    }
    const source = this.#source;
    const next = source.indexOf('<', this.#at);
    if (next !== -1 && source.charCodeAt(next + 1) === SLASH) {
      const text = this.#decode(source.slice(this.#at, next), this.#at);
      this.#close(next);
      return text;
    }
    let text = '';
    for (;;) {
      const event = this.next();
      if (event === 'text') text += this.text;
      else if (event === 'open') this.skip();
      else return text;
    }
  }

  /** Passes over the rest of the element just opened, with its end. */
  skip(): void {
    const depth = this.#names.length - 1;
    while (this.#names.length > depth) this.next();
  }

  /** What a prefix means where the reader stands. */
  namespaceOf(prefix: string): string | undefined {
    for (let index = this.#prefixes.length - 1; index >= 0; index--) {
      if (this.#prefixes[index] === prefix) return this.#namespaces[index];
    }
    return undefined;
  }

  /** A text such as "tns:Invoice" as a name; undefined when its prefix means nothing here. */
  resolve(text: string): XmlName | undefined {
    const colon = text.indexOf(':');
    const namespace = this.namespaceOf(colon === -1 ? '' : text.slice(0, colon));
    return namespace === undefined ? undefined : { local: text.slice(colon + 1), namespace };
  }

  #readCharacters(at: number): boolean {
    const source = this.#source;
    const next = source.indexOf('<', at);
    this.#at = next === -1 ? source.length : next;
    const raw = source.slice(at, this.#at);
    if (this.#names.length === 0) {
      if (/[^ \t\n]/.test(raw)) throw new XmlError(at, 'text outside of the root element');
      return false;
    }
    this.text = this.#decode(raw, at);
    return true;
  }

  #end(): XmlEvent {
    const open = this.#names.at(-1);
    if (open !== undefined) throw new XmlError(this.#at, `the end of the text inside <${open}>`);
    if (!this.#rootSeen) throw new XmlError(this.#at, 'the end of the text before any element');
    return 'end';
  }

  #open(start: number): void {
    if (this.#names.length === 0 && this.#rootSeen) throw new XmlError(start, 'a second root element');
    if (this.#names.length >= MAX_DEPTH)
      throw new XmlError(start, `elements deeper than ${MAX_DEPTH} levels`);
    this.#rootSeen = true;
    const source = this.#source;
    const name = this.#name(start + 1);
    if (++this.#elements > this.#maxRecords * VALUES_PER_OBJECT) throw this.#tooMany();
    this.#marks.push(this.#prefixes.length);
    this.#names.push(name);
    let at = start + 1 + name.length;
    let found: Array<{ name: string; value: string; at: number }> | undefined;
    let declarations: string[] | undefined;
    for (;;) {
      const afterSpace = this.#space(at);
      const code = source.charCodeAt(afterSpace);
      if (code === GREATER) {
        this.#at = afterSpace + 1;
        break;
      }
      if (code === SLASH && source.charCodeAt(afterSpace + 1) === GREATER) {
        this.#at = afterSpace + 2;
        this.#selfClosed = true;
        break;
      }
      if (afterSpace === at) throw new XmlError(at, `unexpected text in the tag <${name}>`);
      const attribute = this.#attribute(afterSpace);
      at = attribute.end;
      if (attribute.name === 'xmlns' || attribute.name.startsWith('xmlns:')) {
        declarations ??= [];
        declarations.push(attribute.name.slice(6), attribute.value);
        this.#declare(attribute.name.slice(6), attribute.value, afterSpace);
      } else {
        found ??= [];
        if (found.length === MAX_ATTRIBUTES) throw new XmlError(at, `more than ${MAX_ATTRIBUTES} attributes`);
        found.push({ name: attribute.name, value: attribute.value, at: afterSpace });
      }
    }
    const { prefix, local } = this.#splitName(name, start + 1);
    this.local = local;
    this.namespace = this.#lookUp(prefix, start + 1);
    this.declarations = declarations ?? [];
    this.attributes = found === undefined ? NO_ATTRIBUTES : found.map((one) => this.#toAttribute(one));
    if (this.attributes.length > 1) this.#refuseRepetition(start);
  }

  #toAttribute({ name, value, at }: { name: string; value: string; at: number }): XmlAttribute {
    const { prefix, local } = this.#splitName(name, at);
    return { local, namespace: prefix === '' ? '' : this.#lookUp(prefix, at), value };
  }

  #refuseRepetition(at: number): void {
    const seen = new Set<string>();
    for (const { local, namespace } of this.attributes) {
      const key = `${namespace} ${local}`;
      if (seen.has(key)) throw new XmlError(at, `the attribute "${local}" twice`);
      seen.add(key);
    }
  }

  #declare(prefix: string, namespace: string, at: number): void {
    const wrong =
      prefix === 'xmlns' ||
      namespace === XMLNS_NAMESPACE ||
      (prefix === 'xml') !== (namespace === XML_NAMESPACE) ||
      (prefix !== '' && namespace === '');
    if (wrong) throw new XmlError(at, `a wrong namespace declaration of "${prefix}"`);
    if (this.#prefixes.length >= MAX_PREFIXES) throw new XmlError(at, `more than ${MAX_PREFIXES} prefixes`);
    this.#prefixes.push(prefix);
    this.#namespaces.push(namespace);
  }

  #lookUp(prefix: string, at: number): string {
    const namespace = this.namespaceOf(prefix);
    if (namespace === undefined) throw new XmlError(at, `the undeclared prefix "${prefix}"`);
    return namespace;
  }

  #attribute(start: number): { name: string; value: string; end: number } {
    const source = this.#source;
    const name = this.#name(start);
    const equals = this.#space(start + name.length);
    if (source.charCodeAt(equals) !== EQUALS)
      throw new XmlError(equals, `no "=" after the attribute "${name}"`);
    const open = this.#space(equals + 1);
    const quote = source.charCodeAt(open);
    if (quote !== QUOTE && quote !== APOSTROPHE) throw new XmlError(open, `no quote after "${name}="`);
    const close = source.indexOf(quote === QUOTE ? '"' : "'", open + 1);
    if (close === -1) throw new XmlError(open, `the end of the text inside the attribute "${name}"`);
    const raw = source.slice(open + 1, close);
    if (raw.includes('<')) throw new XmlError(open, `"<" in the attribute "${name}"`);
    const value = this.#decode(raw.replace(/[\t\n]/g, ' '), open + 1);
    return { name, value, end: close + 1 };
  }

  #close(at: number): void {
    const name = this.#names.at(-1);
    if (name === undefined) throw new XmlError(at, 'an end tag without its beginning');
    const end = this.#source.startsWith(name, at + 2) ? this.#space(at + 2 + name.length) : -1;
    if (this.#source.charCodeAt(end) !== GREATER) throw new XmlError(at, `an end tag that is not </${name}>`);
    this.#at = end + 1;
    this.offset = at;
    this.#leave();
  }

  #leave(): void {
    this.#names.pop();
    const mark = this.#marks.pop()!;
    if (this.#prefixes.length > mark) {
      this.#prefixes.length = mark;
      this.#namespaces.length = mark;
    }
  }

  /** The text from `start` up to what ends a name. Which characters it may have is checked once per name. */
  #name(start: number): string {
    const source = this.#source;
    let at = start;
    for (;;) {
      const code = source.charCodeAt(at);
      if (code <= SPACE || code === SLASH || code === GREATER || code === EQUALS) break;
      // Past the end charCodeAt gives NaN, which no comparison holds for.
      if (code === LESS || Number.isNaN(code)) throw new XmlError(at, 'the end of a tag is missing');
      at++;
    }
    return source.slice(start, at);
  }

  #splitName(name: string, at: number): { readonly prefix: string; readonly local: string } {
    const known = this.#split.get(name);
    if (known !== undefined) return known;
    const colon = name.indexOf(':');
    const prefix = colon === -1 ? '' : name.slice(0, colon);
    const local = name.slice(colon + 1);
    if (!NAME.test(local) || (colon !== -1 && !NAME.test(prefix))) {
      throw new XmlError(at, `${JSON.stringify(name)} where a name is expected`);
    }
    const split = { prefix, local };
    this.#split.set(name, split);
    return split;
  }

  #space(start: number): number {
    let at = start;
    for (;;) {
      const code = this.#source.charCodeAt(at);
      if (code !== SPACE && code !== NEWLINE && code !== TAB && code !== RETURN) return at;
      at++;
    }
  }

  #after(text: string, start: number, what: string): number {
    const found = this.#source.indexOf(text, start);
    if (found === -1) throw new XmlError(start, `${what} is missing`);
    return found + text.length;
  }

  #decode(raw: string, offset: number): string {
    if (!raw.includes('&')) return raw;
    return raw.replace(REFERENCE, (text, decimal, hexadecimal, name, at: number) => {
      const character = name === undefined ? toCharacter(decimal, hexadecimal) : ENTITIES.get(name as string);
      if (character === undefined) {
        throw new XmlError(offset + at, `the reference "${text === '&' ? raw.slice(at, at + 12) : text}"`);
      }
      return character;
    });
  }
}

const REFERENCE = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([A-Za-z]\w*));|&/g;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

function toCharacter(decimal: string | undefined, hexadecimal: string | undefined): string | undefined {
  const code =
    decimal !== undefined
      ? Number.parseInt(decimal, 10)
      : hexadecimal !== undefined
        ? Number.parseInt(hexadecimal, 16)
        : Number.NaN;
  if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  const character = String.fromCodePoint(code);
  return NOT_XML.test(character) ? undefined : character;
}
