/** Text on its way into XML: escaped, and refused where XML has no way to carry it. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: what XML 1.0 has no way to carry
const NOT_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
// A literal return would arrive as a newline.
const SPECIAL_IN_TEXT = /[&<>\r]/g;
const SPECIAL_IN_ATTRIBUTE = /[&<>"\t\n\r]/g;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Whether XML 1.0 can carry the text at all. */
export function isXmlText(text: string): boolean {
  return !NOT_XML.test(text) && text.isWellFormed();
}

export function escapeText(text: string): string {
  return text.replace(SPECIAL_IN_TEXT, (character) => ESCAPES[character]!);
}

export function escapeAttribute(text: string): string {
  return text.replace(SPECIAL_IN_ATTRIBUTE, (character) => ESCAPES[character]!);
}

/** The text of a message's bytes. The encoding is the one of the content type, else of the byte order mark or the XML declaration. */
export function decodeXmlBytes(bytes: Buffer, contentType = ''): string {
  const label =
    /;\s*charset="?([\w.:-]+)/i.exec(contentType)?.[1] ??
    (bytes.length > 1 && (bytes.readUInt16BE(0) === 0xfeff || bytes.readUInt16BE(0) === 0xfffe)
      ? `utf-16${bytes[0] === 0xfe ? 'be' : 'le'}`
      : /^<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([\w.:-]+)/.exec(bytes.toString('latin1', 0, 200))?.[1]);
  if (label === undefined || /^utf-?8$/i.test(label)) return bytes.toString('utf8');
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    // An encoding that nobody knows: what is plain ASCII can still be read.
    return bytes.toString('utf8');
  }
}
