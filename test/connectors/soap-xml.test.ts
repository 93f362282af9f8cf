/** The XML reader against texts that are made up: what was written is read, and nonsense is refused with a place. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { XmlError, XmlReader } from '../../src/connectors/soap/xml.ts';
import { escapeAttribute, escapeText, isXmlText } from '../../src/connectors/soap/xml-text.ts';

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: ReadonlyArray<Element | string>;
}

const name = fc.constantFrom(
  'a',
  'b-c',
  '_d',
  'é',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'x.y',
  '漢字',
);
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter(isXmlText);
const { element } = fc.letrec<{ element: Element }>((tie) => ({
  element: fc.record({
    name,
    attributes: fc.dictionary(name, text, { maxKeys: 4, noNullPrototype: false }),
    content: fc.array(
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        text.filter((one) => one !== ''),
        tie('element'),
      ),
      { maxLength: 4 },
    ),
  }),
}));

function write({ name, attributes, content }: Element): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeAttribute(value)}"`);
  return `<${name}${pairs.join('')}>${content.map((one) => (typeof one === 'string' ? escapeText(one) : write(one))).join('')}</${name}>`;
}

/** Neighbouring texts are one. */
function read(source: string): Element {
  const reader = new XmlReader(source);
  const open: Array<{ name: string; attributes: Record<string, string>; content: Array<Element | string> }> =
    [];
  let root: Element | undefined;
  for (;;) {
    switch (reader.next()) {
      case 'open': {
        const attributes = Object.fromEntries(reader.attributes.map(({ local, value }) => [local, value]));
        const one = { name: reader.local, attributes, content: [] };
        open.at(-1)?.content.push(one);
        root ??= one;
        open.push(one);
        break;
      }
      case 'text': {
        const { content } = open.at(-1)!;
        const before = content.at(-1);
        if (typeof before === 'string') content[content.length - 1] = before + reader.text;
        else content.push(reader.text);
        break;
      }
      case 'close':
        open.pop();
        break;
      case 'end':
        return root!;
    }
  }
}

function joined({ name, attributes, content }: Element): Element {
  const parts: Array<Element | string> = [];
  for (const one of content) {
    const before = parts.at(-1);
    if (typeof one === 'string' && typeof before === 'string') parts[parts.length - 1] = before + one;
    else parts.push(typeof one === 'string' ? one : joined(one));
  }
  return { name, attributes, content: parts };
}

test('what was written is read', () => {
  fc.assert(
    fc.property(element, (given) => {
      expect(read(write(given))).toEqual(joined(given));
    }),
    { numRuns: 500 },
  );
});

test('a changed text is read or refused, never anything else', () => {
  fc.assert(
    fc.property(
      element,
      fc.nat(),
      fc.nat(20),
      fc.constantFrom('', '<', '>', '&', '"', '/', '<!', ']]>', '<?', '<a', '\u0000', '<!DOCTYPE', ':', '='),
      (given, at, length, insert) => {
        const source = write(given);
        const start = at % (source.length + 1);
        const changed = source.slice(0, start) + insert + source.slice(start + length);
        try {
          read(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(XmlError);
          expect((error as XmlError).offset).toBeLessThanOrEqual(changed.length);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

describe('namespaces', () => {
  test('are looked up where they are written', () => {
    const reader = new XmlReader(
      '<p:a xmlns:p="urn:1" xmlns="urn:d" p:x="1" y="2"><b xmlns="" xmlns:p="urn:2" p:z=""><p:c/></b><p:d/><e/></p:a>',
    );
    const seen: string[] = [];
    for (let event = reader.next(); event !== 'end'; event = reader.next()) {
      if (event === 'open')
        seen.push(
          [
            `{${reader.namespace}}${reader.local}`,
            ...reader.attributes.map((one) => `{${one.namespace}}${one.local}`),
          ].join(' '),
        );
    }
    expect(seen).toEqual(['{urn:1}a {urn:1}x {}y', '{}b {urn:2}z', '{urn:2}c', '{urn:1}d', '{urn:d}e']);
  });

  test.each([
    '<p:a/>',
    '<a p:b=""/>',
    '<a xmlns:p=""/>',
    '<a xmlns:xmlns="urn:1"/>',
    '<a xmlns:xml="urn:1"/>',
    '<a xmlns:p="http://www.w3.org/2000/xmlns/"/>',
    '<a xmlns:p="urn:1" xmlns:q="urn:1" p:b="" q:b=""/>',
    '<a:b:c xmlns:a="urn:1"/>',
    '<1/>',
    '<a 1=""/>',
    '<a b/>',
    '<a b=c/>',
    '<a b="1"c="2"/>',
    '<a b="<"/>',
    '<a/',
    '<a',
    '<',
    '</a>',
    '<a></b>',
    '<a></a',
    '<a><!--',
    '<a><![CDATA[</a>',
    '<a>&#x110000;</a>',
    '<a>&#xfffe;</a>',
    '<a>&lt</a>',
    '<a/><a/>',
    'a',
    '',
    ' \n',
  ])('refused: %s', (source) => {
    expect(() => read(source)).toThrow(XmlError);
  });
});

test('long texts take as long as they are, not longer', () => {
  const started = performance.now();
  const wide = `<a>${'<b c="1">x</b>'.repeat(200_000)}</a>`;
  const prefixes = Array.from({ length: 150 }, (_, index) => ` xmlns:p${index}="urn:${index}"`).join('');
  read(wide);
  read(`<a${prefixes}>${'<p0:b/>'.repeat(50_000)}</a>`);
  read(`<a>${'&amp;'.repeat(500_000)}</a>`);
  read(`<a>${'<!---->'.repeat(200_000)}</a>`);
  expect(() => read(`<a${' '.repeat(1_000_000)}`)).toThrow(XmlError);
  expect(() => read(`<a>${'&'.repeat(1_000_000)}</a>`)).toThrow(XmlError);
  expect(() => read(`<a ${Array.from({ length: 5000 }, (_, index) => `b${index}=""`).join(' ')}/>`)).toThrow(
    'more than 1000 attributes',
  );
  expect(performance.now() - started).toBeLessThan(10_000);
});
