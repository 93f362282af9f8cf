/** Every mistake in a SOAP connector's files is found when loading, where it stands, and all at once. */
import { describe, expect, test } from 'vitest';
import { ConfigurationError, type Problem } from '../../src/problems.ts';
import { INVOICES, startSoapGateway } from '../support/backends/soap/gateway.ts';

interface Broken {
  readonly schema?: string;
  readonly settings?: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly wsdl?: string;
}

async function problemsOf({
  schema = 'type Query { count: Int @soap(operation: "CountInvoices") }',
  settings,
  files,
  wsdl,
}: Broken): Promise<readonly Problem[]> {
  try {
    await using _gateway = await startSoapGateway({
      url: 'http://127.0.0.1:9/',
      schema,
      settings,
      files,
      wsdl,
    });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems;
  }
}

const TEXT = INVOICES['invoices.wsdl']!.toString('utf8');
const withWsdl = (from: string | RegExp, to: string) => ({
  files: { ...INVOICES, 'invoices.wsdl': TEXT.replace(from, to) },
});
const lineOf = (text: string, part: string) => text.slice(0, text.indexOf(part)).split('\n').length;

describe('bindings', () => {
  const bind = (field: string, rest = '') => ({ schema: `type Query {\n  ${field}\n}\n${rest}` });
  const CREATE = 'issued: \\"2026-01-01T00:00:00Z\\", due: null, payer: { _type: Person, name: \\"x\\" }';

  test.each<[string, Broken, Partial<Problem>]>([
    [
      'an unknown operation',
      bind('a: Int @soap(operation: "GetInvoce")'),
      { rule: 'soap-unknown-operation', found: 'GetInvoce', hint: 'did you mean "GetInvoice"?' },
    ],
    [
      'an unknown service',
      bind('a: Int @soap(operation: "Rate", service: "RatesService")'),
      { rule: 'soap-unknown-service', hint: 'did you mean "RateService"?' },
    ],
    [
      'an unknown port',
      bind('a: Int @soap(operation: "Rate", port: "Rates12")'),
      { rule: 'soap-unknown-port', hint: 'did you mean "Rates11"?' },
    ],
    [
      'an argument of no element',
      bind('a(numbr: ID!): Int @soap(operation: "GetInvoice")'),
      { rule: 'soap-unused-argument', found: 'numbr', hint: 'did you mean "number"?' },
    ],
    [
      'a required element without an argument',
      bind('a: Int @soap(operation: "GetInvoice")'),
      { rule: 'soap-missing-element', found: 'nothing for number' },
    ],
    [
      'an unknown key',
      bind('a: Int @soap(operation: "GetInvoice", args: "{ number: 1, withLine: true }")'),
      { rule: 'soap-unknown-element', found: 'withLine', hint: 'did you mean "withLines"?' },
    ],
    [
      'an unknown key, deeper',
      bind(
        `a: Int @soap(operation: "CreateInvoice", args: "{ ${CREATE}, line: [{ text: \\"x\\", cuont: 1 }] }")`,
      ),
      { rule: 'soap-unknown-element', found: 'cuont', hint: 'did you mean "count"?' },
    ],
    [
      'an unknown attribute',
      bind('a: Int @soap(operation: "GetInvoice", args: "{ number: 1, _attributes: { local: 1 } }")'),
      { rule: 'soap-unknown-element', found: 'local', hint: 'did you mean "locale"?' },
    ],
    [
      'a required key that is not there',
      bind('a: Int @soap(operation: "GetInvoice", args: "{ withLines: true }")'),
      { rule: 'soap-missing-element', found: 'nothing for number' },
    ],
    [
      'a value of another type',
      bind('a: Int @soap(operation: "GetInvoice", args: "{ number: 1.5 }")'),
      { rule: 'soap-type', found: '1.5', expected: 'a whole number' },
    ],
    [
      'a date that is none',
      bind(
        'a: Int @soap(operation: "CreateInvoice", args: "{ payer: { _type: Person, name: \\"x\\" }, issued: \\"today\\", due: null, line: { text: \\"x\\" } }")',
      ),
      { rule: 'soap-type', found: '"today"' },
    ],
    [
      'a text that the enumeration has not',
      bind('a: Int @soap(operation: "CountInvoices", args: "{ state: \\"sentout\\" }")'),
      { rule: 'soap-type', expected: 'one of open, sent out, paid', hint: 'did you mean "sent out"?' },
    ],
    [
      'an object for a value',
      bind('a: Int @soap(operation: "GetInvoice", args: "{ number: { a: 1 } }")'),
      { rule: 'soap-type', found: 'an object' },
    ],
    [
      'a value for an object',
      bind(`a: Int @soap(operation: "CreateInvoice", args: "{ ${CREATE}, line: 1 }")`),
      { rule: 'soap-type', found: '1', expected: 'an object with text, count, price, _attributes' },
    ],
    [
      'null for what cannot be null',
      bind('a: Int @soap(operation: "GetInvoice", args: "{ number: null }")'),
      { rule: 'soap-type', found: 'null' },
    ],
    [
      'an unknown type',
      bind(
        'a: Int @soap(operation: "CreateInvoice", args: "{ issued: \\"2026-01-01T00:00:00Z\\", due: null, line: { text: \\"x\\" }, payer: { _type: Persn, name: \\"x\\" } }")',
      ),
      { rule: 'soap-unknown-type', found: 'Persn', hint: 'did you mean "Person"?' },
    ],
    [
      'an input type that does not fit',
      bind(
        `a(l: [LineIn!]): Int @soap(operation: "CreateInvoice", args: "{ ${CREATE}, line: $l }")`,
        'input LineIn { text: String!  amount: Int }',
      ),
      { rule: 'soap-unknown-element', found: 'amount', hint: 'did you mean "count"?' },
    ],
    [
      'a list for one element',
      bind('a(n: [ID!]): Int @soap(operation: "GetInvoice", args: "{ number: $n }")'),
      { rule: 'soap-type', found: '[ID!]' },
    ],
    [
      'an enum with a value too many',
      bind('a(state: S): Int @soap(operation: "CountInvoices")', 'enum S { open sent_out }'),
      { rule: 'soap-type', found: 'S.sent_out', hint: 'did you mean "sent out"?' },
    ],
    [
      'an unused argument beside a literal',
      bind('a(n: ID, m: ID): Int @soap(operation: "GetInvoice", args: "{ number: $n }")'),
      { rule: 'soap-unused-argument', found: 'm', hint: 'use $m in "args", or remove the argument' },
    ],
    [
      'an unknown header',
      bind('a(number: ID): Int @soap(operation: "GetInvoice", header: "{ Sesion: { token: \\"x\\" } }")'),
      { rule: 'soap-unknown-header', found: 'Sesion', hint: 'did you mean "Session"?' },
    ],
    [
      'a header that does not fit',
      bind('a(number: ID): Int @soap(operation: "GetInvoice", header: "{ Session: { tokn: \\"x\\" } }")'),
      { rule: 'soap-unknown-element', found: 'tokn' },
    ],
    [
      'a path to nothing',
      bind('a(number: ID): Int @soap(operation: "GetInvoice", select: "Invoice.line[].txet")'),
      { rule: 'soap-select', found: 'txet', hint: 'did you mean "text"?' },
    ],
    [
      'a path through a list',
      bind('a(number: ID): Int @soap(operation: "GetInvoice", select: "Invoice.line.text")'),
      { rule: 'soap-select', found: 'text', hint: 'use "[]" or "[0]" before the name' },
    ],
    [
      'a record for a single value',
      bind('a(number: ID!): Int @soap(operation: "GetInvoice")'),
      {
        rule: 'soap-answer',
        message: 'Query.a is one value, and the answer is a record.',
        hint: 'add select: "Invoice"',
      },
    ],
    [
      'a type that reads nothing of the answer',
      bind(
        'a(number: ID!): I @soap(operation: "GetInvoice")',
        'type I { number: ID  total: Float @from(path: "total.\'#text\'") }',
      ),
      {
        rule: 'soap-answer',
        message: 'The answer has nothing of what I reads.',
        found: 'number, total',
        hint: 'add select: "Invoice"',
      },
    ],
    [
      'one value for a list',
      bind('a(number: ID!): [Int] @soap(operation: "GetInvoice", select: "Invoice.number")'),
      { rule: 'soap-answer', message: 'Query.a is a list, and this part of the answer is no list.' },
    ],
    [
      'a list for one value',
      bind('a(number: ID!): String @soap(operation: "GetInvoice", select: "Invoice.line[].text")'),
      { rule: 'soap-answer', message: 'Query.a is no list, and this part of the answer is a list.' },
    ],
    [
      'a subscription',
      {
        schema:
          'type Query { count: Int @soap(operation: "CountInvoices") } type Subscription { a: Int @soap(operation: "CountInvoices") }',
      },
      { rule: 'unsupported-use' },
    ],
  ])('%s', async (_name, broken, expected) => {
    const problems = await problemsOf(broken);
    expect(problems).toEqual(expect.arrayContaining([expect.objectContaining(expected)]));
    const found = problems.find(({ rule }) => rule === expected.rule)!;
    expect(found.at.file).toBe('connectors/billing/schema.graphql');
  });

  test('the place within a literal is the place in the file', async () => {
    const line =
      '  a: Int @soap(operation: "GetInvoice", select: "Invoice.number", args: "{ number: 1, withLine: true }")';
    const [problem] = await problemsOf({ schema: `type Query {\n${line}\n}` });
    expect(problem?.at).toMatchObject({ line: 2, column: line.indexOf('withLine') + 1 });
  });

  test('what is right is not complained about', async () => {
    const schema = `type Query {
      a(number: ID!, locale: String): Int @soap(operation: "GetInvoice", select: "Invoice.line[0].price.@currency")
      b(n: N!): [String] @soap(operation: "GetInvoice", args: "{ number: $n.a.b, withLines: $n.c }", select: "Invoice.line[].text")
      c: String @soap(operation: "GetInvoice", args: "{ number: \\"5\\" }", select: "Invoice.payer.vat")
      d: String @soap(operation: "GetInvoice", args: "{ number: 5 }", select: "Invoice.extra.anything.at.all")
    }
    input N { a: M  c: Boolean }
    input M { b: ID }`;
    expect(await problemsOf({ schema })).toEqual([]);
  });
});

describe('documents', () => {
  test.each<[string, Broken, Partial<Problem>, string?]>([
    [
      'no WSDL',
      { files: { 'other.wsdl': '<a/>' } },
      { rule: 'wsdl-root', found: '<a> of no namespace' },
      'other.wsdl',
    ],
    [
      'WSDL 2.0',
      { files: { 'two.wsdl': '<description xmlns="http://www.w3.org/ns/wsdl"/>' } },
      { message: 'WSDL 2.0 is not supported.' },
      'two.wsdl',
    ],
    ['no XML', { files: { 'x.wsdl': 'hello' } }, { rule: 'wsdl-syntax' }, 'x.wsdl'],
    [
      'an HTML page',
      { files: { 'x.wsdl': '<html><body>Sign in<br></body></html>' } },
      { rule: 'wsdl-syntax' },
      'x.wsdl',
    ],
    [
      'a document type',
      withWsdl('<wsdl:definitions', '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">\n<wsdl:definitions'),
      { rule: 'wsdl-syntax', found: 'a document type declaration' },
      'invoices.wsdl',
    ],
    [
      'an entity',
      withWsdl(
        '<wsdl:definitions',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><wsdl:definitions',
      ),
      { rule: 'wsdl-syntax' },
      'invoices.wsdl',
    ],
    [
      'an import by address',
      withWsdl('types/money.xsd', 'https://example.org/money.xsd'),
      { rule: 'wsdl-import', found: 'https://example.org/money.xsd' },
      'invoices.wsdl',
    ],
    [
      'an import of a local address',
      withWsdl('types/money.xsd', 'file:///etc/passwd'),
      { rule: 'wsdl-import' },
      'invoices.wsdl',
    ],
    [
      'an absolute import',
      withWsdl('types/money.xsd', '/etc/passwd'),
      { rule: 'wsdl-import' },
      'invoices.wsdl',
    ],
    [
      'an import from outside',
      withWsdl('types/money.xsd', '../../hem.yml'),
      { rule: 'wsdl-import', message: 'The import leads out of the connector’s folder.' },
      'invoices.wsdl',
    ],
    [
      'an import of nothing',
      withWsdl('types/money.xsd', 'types/mony.xsd'),
      { rule: 'wsdl-import', message: 'The imported document is not in the connector’s folder.' },
      'invoices.wsdl',
    ],
    [
      'an import that is no schema',
      { files: { ...INVOICES, 'types/money.xsd': '<money/>' } },
      { rule: 'wsdl-root' },
      'types/money.xsd',
    ],
    [
      'redefinitions',
      withWsdl('<xs:include ', '<xs:redefine schemaLocation="types/parties.xsd"/><xs:include '),
      { rule: 'wsdl-redefine' },
      'invoices.wsdl',
    ],
    [
      'a message that is not there',
      withWsdl('message="inv:CountInvoicesIn"', 'message="inv:CountInvoiceIn"'),
      { rule: 'wsdl-unknown-name', found: 'inv:CountInvoiceIn' },
      'invoices.wsdl',
    ],
    [
      'an element that is not there',
      withWsdl('element="inv:CountInvoices"', 'element="inv:CountInvoice"'),
      {
        rule: 'wsdl-unknown-name',
        found: 'inv:CountInvoice',
        hint: expect.stringContaining('did you mean "CountInvoices"'),
      },
      'invoices.wsdl',
    ],
    [
      'a type that is not there',
      withWsdl('name="CountInvoicesResult" type="xs:int"', 'name="CountInvoicesResult" type="xs:itn"'),
      { rule: 'wsdl-unknown-name', found: 'xs:itn' },
      'invoices.wsdl',
    ],
    [
      'a prefix that is not declared',
      withWsdl('name="CountInvoicesResult" type="xs:int"', 'name="CountInvoicesResult" type="no:int"'),
      { rule: 'wsdl-unknown-name', found: 'no:int (the prefix is not declared)' },
      'invoices.wsdl',
    ],
    [
      'SOAP encoding',
      withWsdl(/<soap:body use="literal"\/>/g, '<soap:body use="encoded"/>'),
      { rule: 'soap-encoded' },
    ],
    [
      'no port',
      withWsdl(/transport="[^"]*"/g, 'transport="http://schemas.xmlsoap.org/soap/smtp"'),
      { rule: 'wsdl-no-port' },
      'invoices.wsdl',
    ],
    [
      'types in a circle',
      {
        ...withWsdl(
          '<xs:complexType name="Line">',
          '<xs:complexType name="Line"><xs:complexContent><xs:extension base="inv:Line"/></xs:complexContent></xs:complexType><xs:complexType name="Line2">',
        ),
        schema:
          'type Query { a(number: ID!): String @soap(operation: "GetInvoice", select: "Invoice.line[].text") }',
      },
      { rule: 'wsdl-nesting' },
      'invoices.wsdl',
    ],
    [
      'a header element that is not there',
      { settings: 'header: { Sesion: { token: x } }\n' },
      { rule: 'soap-unknown-header', hint: 'did you mean "Session"?' },
      'connector.yml',
    ],
    [
      'a header that does not fit',
      {
        settings: 'header: { Session: { token: x, tenant: many } }\n',
        schema: 'type Query { a(number: ID!): Int @soap(operation: "GetInvoice") }',
      },
      {
        rule: 'soap-header',
        found: '"Session.tenant" is not a whole number, and the backend cannot be asked with it.',
      },
      'connector.yml',
    ],
    [
      'a fault that is not there',
      { settings: 'codes: { NoSuchInvoce: not-found }\n' },
      { rule: 'soap-unknown-fault', hint: 'did you mean "NoSuchInvoice"?' },
      'connector.yml',
    ],
    ['a version that is none', { settings: 'version: "1.3"\n' }, { at: expect.anything() }, 'connector.yml'],
    ['an unknown key', { settings: 'secrity: {}\n' }, { at: expect.anything() }, 'connector.yml'],
    [
      'a WSDL that is not there',
      { wsdl: 'invoice.wsdl' },
      { rule: 'missing-file', hint: 'did you mean "invoices.wsdl"?' },
      'connector.yml',
    ],
  ])('%s', async (_name, broken, expected, file = 'schema.graphql') => {
    const problems = await problemsOf(broken);
    expect(problems).toEqual(expect.arrayContaining([expect.objectContaining(expected)]));
    expect(problems.map(({ at }) => at.file)).toContain(`connectors/billing/${file}`);
  });

  test('a problem stands at its line', async () => {
    const broken = withWsdl('element="inv:CountInvoices"', 'element="inv:CountInvoice"');
    const [problem] = await problemsOf(broken);
    const text = broken.files['invoices.wsdl'] as string;
    expect(problem?.at.line).toBe(lineOf(text, 'element="inv:CountInvoice"'));
  });

  test('all at once', async () => {
    const problems = await problemsOf({
      ...withWsdl('element="inv:CountInvoices"', 'element="inv:CountInvoice"'),
      settings: 'header: { Sesion: { token: x } }\ncodes: { Nothing: denied }\n',
      schema:
        'type Query { a: Int @soap(operation: "CountInvoices")  b: Int @soap(operation: "GetInvoce")  c(number: ID, x: Int): Int @soap(operation: "GetInvoice", select: "invoice") }',
    });
    expect(problems.map(({ rule }) => rule).sort()).toEqual([
      'soap-select',
      'soap-unknown-fault',
      'soap-unknown-header',
      'soap-unknown-operation',
      'soap-unused-argument',
      'wsdl-unknown-name',
    ]);
  });

  test('an address that a document imports may have a vendored file', async () => {
    const problems = await problemsOf({
      ...withWsdl('types/money.xsd', 'https://example.org/service?xsd=1'),
      settings: 'imports: { "https://example.org/service?xsd=1": types/money.xsd }\n',
      schema: `type Query { a(number: ID!): String @soap(operation: "GetInvoice", select: "Invoice.total.@currency") }`,
    });
    expect(problems).toEqual([]);
  });

  test('imports in a circle, and the same document twice', async () => {
    const money = INVOICES['types/money.xsd']!.toString('utf8');
    const circle = money.replace(
      '<complexType name="Amount">',
      '<import namespace="urn:test:invoices" schemaLocation="../types/./again.xsd"/><complexType name="Amount">',
    );
    const again = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:test:invoices"><xs:include schemaLocation="again.xsd"/><xs:include schemaLocation="parties.xsd"/><xs:import namespace="urn:test:money" schemaLocation="money.xsd"/></xs:schema>`;
    expect(
      await problemsOf({ files: { ...INVOICES, 'types/money.xsd': circle, 'types/again.xsd': again } }),
    ).toEqual([]);
  });

  test('bombs: groups that double, deep chains and 50,000 types are read or refused in a moment', async () => {
    const doubling = Array.from(
      { length: 60 },
      (_, i) =>
        `<xs:group name="g${i}"><xs:sequence><xs:group ref="inv:g${i + 1}"/><xs:group ref="inv:g${i + 1}"/></xs:sequence></xs:group><xs:attributeGroup name="a${i}"><xs:attributeGroup ref="inv:a${i + 1}"/><xs:attributeGroup ref="inv:a${i + 1}"/></xs:attributeGroup>`,
    ).join('');
    const ends =
      '<xs:group name="g60"><xs:sequence><xs:element name="deep" type="xs:int"/><xs:group ref="inv:g0" minOccurs="0"/></xs:sequence></xs:group><xs:attributeGroup name="a60"><xs:attribute name="far" type="xs:int"/><xs:attributeGroup ref="inv:a0"/></xs:attributeGroup>';
    const types = Array.from(
      { length: 50_000 },
      (_, i) =>
        `<xs:complexType name="T${i}"><xs:sequence><xs:element name="t" type="inv:T${(i + 1) % 50_000}" minOccurs="0"/></xs:sequence></xs:complexType>`,
    ).join('');
    const element =
      '<xs:element name="CountInvoicesResult"><xs:complexType><xs:sequence><xs:group ref="inv:g0"/><xs:element name="first" type="inv:T0"/></xs:sequence><xs:attributeGroup ref="inv:a0"/></xs:complexType></xs:element>';
    const broken = withWsdl(
      '<xs:element name="CountInvoicesResult" type="xs:int"/>',
      doubling + ends + types + element,
    );
    const started = performance.now();
    expect(
      await problemsOf({
        ...broken,
        schema:
          'type Query { a: [Int] @soap(operation: "CountInvoices", select: "deep") b: Int @soap(operation: "CountInvoices", select: "@far") c: JSON @soap(operation: "CountInvoices", select: "first.t.t.t") } scalar JSON',
      }),
    ).toEqual([]);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
