/** What a SOAP backend can do wrong, and what callers then read. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSoapGateway } from '../support/backends/soap/gateway.ts';
import {
  envelope,
  type GivenAnswer,
  type SoapBackend,
  startTextServer,
} from '../support/backends/soap/server.ts';
import type { TestGateway } from '../support/gateway.ts';

const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const SCHEMA = `type Query {
  count: Int @soap(operation: "CountInvoices")
  total(number: ID!): String @soap(operation: "GetInvoice", select: "Invoice.total.'#text'")
  invoice(number: ID!): Invoice @lookup @soap(operation: "GetInvoice", select: "Invoice")
  extra(number: ID!): JSON @soap(operation: "GetInvoice", select: "Invoice.extra")
  whole(number: ID!): JSON @soap(operation: "GetInvoice")
}
type Mutation { create(note: String, extra: JSON, name: String! = "x", type: String! = "Person", due: String): ID @soap(operation: "CreateInvoice", args: "{ payer: { _type: $type, name: $name }, issued: \\"2026-01-01T00:00:00\\", due: $due, line: { text: $note }, extra: $extra }", select: "number") }
type Invoice @key(fields: "number") { number: ID! }
scalar JSON`;

let answer: GivenAnswer | string = '';
let backend: SoapBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startTextServer(() => answer);
  gateway = await startSoapGateway({
    url: `${backend.origin}/some/where?x=1`,
    schema: SCHEMA,
    settings:
      'errors: { detail: public }\nlimits: { responseBytes: 1MB }\ncodes: { NoSuchInvoice: not-found, "soap:Server.Busy": limited }\n',
  });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

async function failure(given: GivenAnswer | string, query = '{ count }') {
  answer = given;
  const { body } = await gateway.query('web', query);
  return body.errors?.[0]?.extensions;
}

async function outcome(given: GivenAnswer | string, query: string, variables?: Record<string, unknown>) {
  answer = given;
  return (await gateway.query('web', query, { variables })).body;
}

function fault11(code: string, rest = '', declarations = ''): GivenAnswer {
  return {
    status: 500,
    body: envelope(
      `<e:Fault ${declarations}><faultcode>${code}</faultcode><faultstring>why &amp; how</faultstring>${rest}</e:Fault>`,
    ),
  };
}

function fault12(
  code: string,
  { subcodes = [] as string[], detail = '', status = 500, declarations = '' } = {},
): GivenAnswer {
  const nested = subcodes.reduceRight(
    (inner, text) => `<e:Subcode><e:Value>${text}</e:Value>${inner}</e:Subcode>`,
    '',
  );
  return {
    status,
    headers: { 'content-type': 'application/soap+xml' },
    body: envelope(
      `<e:Fault ${declarations}><e:Code><e:Value>${code}</e:Value>${nested}</e:Code><e:Reason><e:Text xml:lang="hu">miért</e:Text><e:Text xml:lang="en">why</e:Text></e:Reason><e:Role>urn:gate</e:Role>${detail}</e:Fault>`,
      '1.2',
    ),
  };
}

function nested(key: string, levels: number): unknown {
  return levels === 0 ? 1 : { [key]: nested(key, levels - 1) };
}

describe('faults', () => {
  const DETAIL =
    '<NoSuchInvoice xmlns="urn:test:invoices"><number>9007199254740993</number><tried>a</tried></NoSuchInvoice>';

  test.each([
    ['soap:Client', fault11('e:Client'), 'UPSTREAM_REJECTED'],
    ['soap:Server', fault11('e:Server'), 'UPSTREAM_FAILED'],
    ['soap:Client', fault11('SOAP-ENV:Client'), 'UPSTREAM_REJECTED'],
    ['soap:Server', { ...fault11('Server'), status: 200 }, 'UPSTREAM_FAILED'],
    ['soap:Client.Authentication', fault11('e:Client.Authentication'), 'UPSTREAM_DENIED'],
    ['soap:Server.Busy', fault11('e:Server.Busy'), 'UPSTREAM_LIMITED'],
    ['soap:MustUnderstand', fault11('e:MustUnderstand'), 'UPSTREAM_REJECTED'],
    ['soap:VersionMismatch', fault11('e:VersionMismatch'), 'UPSTREAM_REJECTED'],
    [
      'wsse:FailedAuthentication',
      fault11('w:FailedAuthentication', '', `xmlns:w="${WSSE}"`),
      'UPSTREAM_DENIED',
    ],
    ['m:Odd', fault11('m:Odd', '', 'xmlns:m="urn:m"'), 'UPSTREAM_FAILED'],
    ['soap:Sender', fault12('e:Sender', { status: 400 }), 'UPSTREAM_REJECTED'],
    ['soap:Receiver', fault12('e:Receiver'), 'UPSTREAM_FAILED'],
    [
      'soap:Sender',
      fault12('e:Sender', { subcodes: ['w:InvalidSecurity'], declarations: `xmlns:w="${WSSE}"` }),
      'UPSTREAM_DENIED',
    ],
    ['soap:Client', { ...fault11('e:Client'), status: 401 }, 'UPSTREAM_DENIED'],
    [undefined, fault11('<b>bold</b> words'), 'UPSTREAM_FAILED'],
    [undefined, fault11('a'.repeat(70)), 'UPSTREAM_FAILED'],
  ] as const)('%s', async (status, given, code) => {
    expect(await failure(given)).toMatchObject({
      code,
      connector: 'billing',
      coordinate: 'Query.count',
      ...(status && { status }),
    });
  });

  test('the detail is read by the XSD', async () => {
    const detail = { NoSuchInvoice: { number: '9007199254740993', tried: ['a'] } };
    const elsewhere = `<detail>${DETAIL.replaceAll('NoSuchInvoice', 'Elsewhere')}<x a="1">t</x></detail>`;
    expect(
      await failure(
        fault11('e:Client', `<faultactor>urn:a</faultactor><detail>${DETAIL}</detail>`),
        '{ total(number: 1) }',
      ),
    ).toMatchObject({
      code: 'UPSTREAM_NOT_FOUND',
      detail: { reason: 'why & how', actor: 'urn:a', detail },
    });
    expect(await failure(fault11('e:Client', elsewhere))).toMatchObject({
      detail: {
        reason: 'why & how',
        detail: { Elsewhere: { number: '9007199254740993', tried: 'a' }, x: { '@a': '1', '#text': 't' } },
      },
    });
    expect(await failure(fault11('e:Client', '<detail>just text</detail>'))).toMatchObject({
      detail: { detail: 'just text' },
    });
    expect(
      await failure(
        fault12('e:Sender', {
          subcodes: ['m:A', 'm:B'],
          detail: `<e:Detail>${DETAIL}</e:Detail>`,
          declarations: 'xmlns:m="urn:m"',
        }),
      ),
    ).toMatchObject({
      code: 'UPSTREAM_NOT_FOUND',
      detail: { reason: 'why', actor: 'urn:gate', subcode: 'm:B', detail },
    });
  });

  test('"not found" at a lookup is null without an error', async () => {
    const given = fault11('e:Client', `<detail>${DETAIL}</detail>`);
    expect(await outcome(given, '{ invoice(number: 1) { number } }')).toEqual({ data: { invoice: null } });
  });

  test('without `errors: { detail: public }` neither reason nor detail leaves', async () => {
    await using hidden = await startSoapGateway({ url: backend.url, schema: SCHEMA });
    answer = fault11('e:Client', '<detail><secret>s3cret</secret></detail>');
    const { body } = await hidden.query('web', '{ count }');
    expect(JSON.stringify(body)).not.toMatch(/s3cret|why/);
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_REJECTED' });
  });
});

describe('answers that are none', () => {
  const RESULT = '<CountInvoicesResult xmlns="urn:test:invoices">1</CountInvoicesResult>';

  test.each([
    ['text', 'hello'],
    ['JSON', '{"a":1}'],
    ['HTML', '<html><body>It works</body></html>'],
    ['nothing', ''],
    ['an empty body', envelope('')],
    ['half an envelope', envelope(RESULT).slice(0, -5)],
    ['a cut element', envelope(RESULT).slice(0, -60)],
    ['another element', envelope('<Other xmlns="urn:test:invoices"/>')],
    [
      'an envelope of nobody',
      envelope(RESULT).replace('http://schemas.xmlsoap.org/soap/envelope/', 'urn:nobody'),
    ],
    ['a header only', envelope(RESULT).replace(/<e:Body>.*<\/e:Body>/, '<e:Header/>')],
    ['something after the end', `${envelope(RESULT)}<more/>`],
    ['an undeclared prefix', envelope(RESULT.replaceAll('CountInvoicesResult', 'q:CountInvoicesResult'))],
    ['crossed tags', envelope('<a><b></a></b>')],
    ['an attribute twice', envelope('<a b="1" b="2"/>')],
    [
      'an undefined entity',
      envelope('<CountInvoicesResult xmlns="urn:test:invoices">&nbsp;</CountInvoicesResult>'),
    ],
    [
      'a character that XML has not',
      envelope('<CountInvoicesResult xmlns="urn:test:invoices">\u0001</CountInvoicesResult>'),
    ],
    [
      'the same as a reference',
      envelope('<CountInvoicesResult xmlns="urn:test:invoices">&#1;</CountInvoicesResult>'),
    ],
    [
      'a surrogate as a reference',
      envelope('<CountInvoicesResult xmlns="urn:test:invoices">&#xD800;</CountInvoicesResult>'),
    ],
    ['10,000 levels', envelope('<a>'.repeat(10_000) + '</a>'.repeat(10_000))],
    ['more than the limit', envelope(`<a>${'x'.repeat(1024 ** 2)}</a>`)],
    ['a document type', `<!DOCTYPE e:Envelope><x/>`],
    [
      'a billion laughs',
      `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>${envelope(RESULT.replace('1', '&c;')).slice(21)}`,
    ],
  ])('%s', async (_name, given) => {
    const started = performance.now();
    expect(await failure(given)).toMatchObject({ code: 'UPSTREAM_INVALID' });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('an external entity is not loaded', async () => {
    const touched: string[] = [];
    await using outside = await startTextServer((request) => {
      touched.push(request.path);
      return 'secret';
    });
    const declarations = [
      `<!DOCTYPE x SYSTEM "${outside.url}dtd">`,
      `<!DOCTYPE x [<!ENTITY e SYSTEM "${outside.url}entity">]>`,
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
      `<!DOCTYPE x [<!ENTITY % p SYSTEM "${outside.url}parameter"> %p;]>`,
      `<?xml-stylesheet href="${outside.url}style"?><!DOCTYPE x>`,
    ];
    for (const declaration of declarations) {
      const given = `<?xml version="1.0"?>${declaration}${envelope(RESULT.replace('1', '&e;')).slice(21)}`;
      expect(await failure(given)).toMatchObject({ code: 'UPSTREAM_INVALID' });
    }
    expect(touched).toEqual([]);
  });

  test.each([
    [401, 'UPSTREAM_DENIED'],
    [403, 'UPSTREAM_DENIED'],
    [404, 'UPSTREAM_NOT_FOUND'],
    [429, 'UPSTREAM_LIMITED'],
    [500, 'UPSTREAM_FAILED'],
    [503, 'UPSTREAM_UNAVAILABLE'],
    [302, 'UPSTREAM_INVALID'],
  ])('status %i without a fault', async (status, code) => {
    for (const body of ['', '<html>', 'no', envelope(RESULT)]) {
      expect(await failure({ status, body, headers: { location: 'http://127.0.0.1:1/' } })).toMatchObject({
        code,
        status: String(status),
      });
    }
  });

  test('a wrong value fails its field only', async () => {
    const given = envelope(RESULT.replace('1', 'many'));
    const body = await outcome(given, '{ count }');
    expect(body.data).toEqual({ count: null });
    expect(body.errors).toHaveLength(1);
  });
});

describe('answers in other clothes', () => {
  const RESULT = '<CountInvoicesResult xmlns="urn:test:invoices">7</CountInvoicesResult>';

  test.each([
    ['the other version', envelope(RESULT, '1.2')],
    ['no namespace where there should be one', envelope('<CountInvoicesResult>7</CountInvoicesResult>')],
    [
      'comments, instructions, space',
      `\ufeff<?xml version="1.0"?>\n<!-- a -->${envelope(`\r\n <?go on?><!-- <b> -->${RESULT}\n`).slice(21)}\n<!-- end -->`,
    ],
    [
      'a header to pass over',
      envelope(RESULT).replace(
        '<e:Body>',
        '<e:Header><h:a xmlns:h="urn:h" e:mustUnderstand="1"><h:b/></h:a></e:Header><e:Body>',
      ),
    ],
    ['numbers as references', envelope(RESULT.replace('7', '&#x37;'))],
    ['status 202', { status: 202, body: envelope(RESULT) }],
    [
      'UTF-16',
      { body: Buffer.from(`\ufeff${envelope(RESULT)}`, 'utf16le'), headers: { 'content-type': 'text/xml' } },
    ],
    [
      'Latin-1',
      {
        body: Buffer.from(
          envelope(`${RESULT}<!-- ü -->`).replace('"1.0"', '"1.0" encoding="ISO-8859-1"'),
          'latin1',
        ),
        headers: { 'content-type': 'text/xml' },
      },
    ],
  ] as const)('%s', async (_name, given) => {
    expect(await outcome(given, '{ count }')).toEqual({ data: { count: 7 } });
  });

  test('what the XSD leaves open arrives as text, records, and lists where names repeat', async () => {
    const extra = `<extra xmlns="" a="1" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><x>1</x><x><y/></x><n xsi:nil="true"/><t xsi:type="xsd:long">5</t><p xsi:type="i:Person" xmlns:i="urn:test:invoices"><name>N</name></p></extra>`;
    const given = envelope(
      `<GetInvoiceResponse xmlns="urn:test:invoices"><Invoice>${extra}</Invoice></GetInvoiceResponse>`,
    );
    expect(await outcome(given, '{ extra(number: 1) }')).toEqual({
      data: {
        extra: { '@a': '1', x: ['1', { y: '' }], n: null, t: 5, p: { '@xsi:type': 'Person', name: 'N' } },
      },
    });
  });

  test('prototype names are data', async () => {
    const names = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'then'];
    const inside = names
      .map((name) => `<${name} ${name}="1" polluted="yes"><${name}>x</${name}></${name}>`)
      .join('');
    const given = envelope(
      `<GetInvoiceResponse xmlns="urn:test:invoices" __proto__="a" constructor="b"><Invoice><extra xmlns="">${inside}</extra>${inside}</Invoice></GetInvoiceResponse>`,
    );
    const { data, errors } = await outcome(given, '{ extra(number: 1) whole(number: 1) }');
    expect(errors).toBeUndefined();
    expect(Object.keys(data.extra).sort()).toEqual([...names].sort());
    expect(data.extra.constructor).toEqual({ '@constructor': '1', '@polluted': 'yes', constructor: 'x' });
    expect(Object.keys(data.whole)).toContain('@__proto__');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(({} as Record<string, unknown>)['@polluted']).toBeUndefined();
  });
});

describe('arguments that must not become markup', () => {
  const DONE = envelope(
    '<CreateInvoiceResponse xmlns="urn:test:invoices"><number>1</number></CreateInvoiceResponse>',
  );
  const CREATE =
    'mutation ($note: String, $extra: JSON, $type: String! = "Person", $due: String) { create(note: $note, extra: $extra, type: $type, due: $due) }';

  test.each([
    '</n0:text><evil/>',
    '<![CDATA[x]]></n0:text><evil/><n0:text><![CDATA[y]]>',
    ']]><evil/>',
    '&evil; &#60;evil/>',
    '<!-- --><evil/>',
  ])('%s', async (note) => {
    expect(await outcome(DONE, CREATE, { note })).toEqual({ data: { create: '1' } });
    expect(backend.seen.at(-1)!.body).not.toContain('<evil');
    expect(backend.seen.at(-1)!.body).not.toContain('<![CDATA[');
  });

  test.each([
    ['a control character', { note: 'a\u0000b' }],
    ['another', { note: '\u001b[31m' }],
    ['a lone surrogate', { note: '\ud800' }],
    ['no character', { note: '\uffff' }],
    ['no date', { note: 'x', due: '2026-01-01"/><evil/>' }],
    ['no type', { note: 'x', type: 'Person"><evil/>' }],
    ['an abstract type', { note: 'x', type: 'Party' }],
    ['a key that is no name', { note: 'x', extra: { 'a><evil/': 1 } }],
    ['a key that is no name, deeper', { note: 'x', extra: { a: [{ 'b c': 1 }] } }],
    ['endless nesting', { note: 'x', extra: nested('a'.repeat(100), 30) }],
    ['another type than the declared', { note: 'x', type: 'Line' }],
    ['nothing where something is required', { note: null }],
  ])('%s is refused before the backend is asked', async (_name, variables) => {
    const before = backend.seen.length;
    const body = await outcome(DONE, CREATE, variables);
    expect(body.errors?.[0]?.extensions.code).toBe('BAD_ARGUMENT');
    expect(backend.seen.length).toBe(before);
  });

  test('anyType: scalars say their type, objects become elements', async () => {
    const extra = { a: ['x<', 1, 2 ** 40, 1.5, true, null], __proto__x: { b: {} } };
    expect(await outcome(DONE, CREATE, { note: 'x', extra })).toEqual({ data: { create: '1' } });
    const xsd = 'xmlns:xsd="http://www.w3.org/2001/XMLSchema"';
    expect(backend.seen.at(-1)!.body).toContain(
      `<n0:extra><a xsi:type="xsd:string" ${xsd}>x&lt;</a><a xsi:type="xsd:int" ${xsd}>1</a><a xsi:type="xsd:long" ${xsd}>1099511627776</a>` +
        `<a xsi:type="xsd:double" ${xsd}>1.5</a><a xsi:type="xsd:boolean" ${xsd}>true</a><a xsi:nil="true"/><__proto__x><b></b></__proto__x></n0:extra>`,
    );
    await outcome(DONE, CREATE, { note: 'x', extra: { _type: 'xsd:date', _text: '2026-01-01' } });
    expect(backend.seen.at(-1)!.body).toContain(`<n0:extra xsi:type="xsd:date" ${xsd}>2026-01-01</n0:extra>`);
  });
});

test('the endpoint’s path is used, the WSDL’s address never', async () => {
  await outcome(
    envelope('<CountInvoicesResult xmlns="urn:test:invoices">7</CountInvoicesResult>'),
    '{ count }',
  );
  expect(backend.seen.at(-1)).toMatchObject({ method: 'POST', path: '/some/where?x=1' });
});

test('a backend that does not answer fails its field by the deadline, the rest is returned', async () => {
  await using hung = await startTextServer(({ body }) =>
    body.includes('CountInvoices')
      ? new Promise(() => {})
      : envelope(
          '<GetInvoiceResponse xmlns="urn:test:invoices"><Invoice><total>5</total></Invoice></GetInvoiceResponse>',
        ),
  );
  await using other = await startSoapGateway({
    url: hung.url,
    schema: SCHEMA,
    settings: 'timeouts: { request: 300ms }\n',
  });
  const { body } = await other.query('web', '{ count total(number: 1) }');
  expect(body.data).toEqual({ count: null, total: '5' });
  expect(body.errors).toMatchObject([{ path: ['count'], extensions: { code: 'UPSTREAM_TIMEOUT' } }]);
});

test('a backend that is not there', async () => {
  await using other = await startSoapGateway({ url: 'http://127.0.0.1:9/', schema: SCHEMA });
  const { body } = await other.query('web', '{ count }');
  expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', connector: 'billing' });
});
