/** SOAP against a server that the `soap` package makes from the WSDL: what it understands is what was meant. */
import { describe, expect, test } from 'vitest';
import { INVOICES, SOAP_FOLDER, startSoapGateway } from '../support/backends/soap/gateway.ts';
import { type SoapBackend, startWsdlServer } from '../support/backends/soap/server.ts';

const WSDL = `${SOAP_FOLDER}/invoices.wsdl`;

const SCHEMA = /* GraphQL */ `
  type Query {
    invoice(number: ID!, locale: String): Invoice @lookup @soap(operation: "GetInvoice", args: "{ number: $number, withLines: true, _attributes: { locale: $locale } }", header: "{ Session: { token: \\"t<1>\\", tenant: 7 } }", select: "Invoice")
    count(state: State): Int @soap(operation: "CountInvoices")
    rate(from: String!, to: String!): Rate @soap(operation: "Rate")
  }
  type Mutation {
    createInvoice(payer: PartyInput!, issued: String!, due: String, state: State, line: [LineInput!]!, first_note: String, codes: [Int!], draft: Boolean): ID @soap(operation: "CreateInvoice", select: "number")
    touch(number: ID!): Boolean @soap(operation: "Touch")
  }
  type Invoice @key(fields: "number") {
    number: ID!
    id: Int @from(path: "@id")
    kind: String @from(path: "@kind")
    revision: String @from(path: "@revision")
    country: String @from(path: "@country")
    total: Float @from(path: "total.'#text'")
    exact: Decimal @from(path: "total.'#text'")
    currency: String @from(path: "total.@currency")
    rate: String
    issued: String
    due: String
    paid: Boolean
    state: State
    lines: [Line!]! @from(path: "line")
    notes: [String] @from(path: "note")
    codes: [Int!]
    pdf: String
    cash: Boolean
    card: String
    payer: Party
    parent: Invoice
    strange: String @from(path: "constructor")
    stranger: Line @from(path: "__proto__")
  }
  type Line { no: Int @from(path: "@no")  text: String!  count: Int  price: Float @from(path: "price.'#text'") }
  interface Party @discriminator(property: "'@xsi:type'") { name: String! }
  type Person implements Party { name: String!  born: String }
  type Company implements Party { name: String!  vat: String  city: String @from(path: "seat.city") }
  type Rate { rate: Float!  on: String! }
  enum State { open  sent_out @from(value: "sent out")  paid }
  input PartyInput { _type: String!  name: String!  vat: String  born: String  seat: PlaceInput }
  input PlaceInput { city: String!  zip: String }
  input LineInput { text: String!  count: Int  price: AmountInput  _attributes: LineAttributes }
  input LineAttributes { no: Int }
  input AmountInput { _text: String!  _attributes: AmountAttributes! }
  input AmountAttributes { currency: String! }
`;

const FULL = `<GetInvoiceResponse xmlns="urn:test:invoices" xmlns:i="urn:test:invoices" xmlns:m="urn:test:money" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Invoice id="12" revision="18446744073709551615" m:country="HU">
    <number>9007199254740993</number><total currency="EUR">1234.50</total><rate>0.12345678901234567890</rate>
    <issued>2026-11-22T23:30:00.123456+13:45</issued><due xsi:nil="true"/><state>sent out</state>
    <line no="1"><text> a &amp; b </text><count>0</count><price currency="HUF">.5</price></line>
    <note>one</note><note xsi:nil="true"/><note><![CDATA[<three> & ]]>more</note>
    <codes> 1 2  3 </codes><pdf>AAEC
    Aw==</pdf><card>x</card>
    <payer xsi:type="i:Company"><name>Hem</name><vat>HU1</vat><seat><zip> 1  2 </zip><city>Budapest</city></seat></payer>
    <constructor>c</constructor><__proto__ no="9"><text>p</text></__proto__>
    <unheardOf>kept out of the way</unheardOf>
  </Invoice></GetInvoiceResponse>`;

const EMPTY = `<r:GetInvoiceResponse xmlns:r="urn:test:invoices"><r:Invoice id="1"><r:number>1</r:number><r:total currency="EUR">0</r:total><r:issued>2026-01-01T00:00:00</r:issued><r:due>2026-02-29Z</r:due><r:paid>1</r:paid><r:cash>true</r:cash></r:Invoice></r:GetInvoiceResponse>`;

type Args = Record<string, unknown>;

function services(received: Args[]) {
  const port = {
    GetInvoice: (args: Args) => {
      received.push(args);
      return { _xml: String(args.number) === '1' ? EMPTY : FULL };
    },
    CreateInvoice: (args: Args) => {
      received.push(args);
      return { number: '9007199254740995' };
    },
    CountInvoices: (args: Args | null) => {
      received.push(args ?? {});
      return { _xml: '<CountInvoicesResult xmlns="urn:test:invoices">42</CountInvoicesResult>' };
    },
    Touch: (args: Args) => {
      received.push(args);
      return undefined;
    },
  };
  return { InvoiceService: { Invoices11: port, Invoices12: port } };
}

async function start(version: '1.1' | '1.2', settings = '') {
  const received: Args[] = [];
  const backend = await startWsdlServer(WSDL, { version, path: '/invoices', services: services(received) });
  const gateway = await startSoapGateway({
    url: backend.url,
    schema: SCHEMA,
    settings: `version: "${version}"\n${settings}`,
  });
  return {
    backend,
    gateway,
    received,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

const last = (backend: SoapBackend) => backend.seen.at(-1)!;

describe.each(['1.1', '1.2'] as const)('SOAP %s', (version) => {
  test('an answer with attributes, lists, nil, dates, long numbers and derived types', async () => {
    await using world = await start(version);
    const { body } = await world.gateway.query(
      'web',
      `{ invoice(number: "9007199254740993") {
        number id kind revision country total exact currency rate issued due paid state
        lines { no text count price } notes codes pdf cash card
        payer { __typename name ... on Company { vat city } } parent { number } strange stranger { no text } } }`,
    );
    expect(body).toEqual({
      data: {
        invoice: {
          number: '9007199254740993',
          id: 12,
          kind: 'standard',
          revision: '18446744073709551615',
          country: 'HU',
          total: 1234.5,
          exact: '1234.50',
          currency: 'EUR',
          rate: '0.12345678901234567890',
          issued: '2026-11-22T23:30:00.123456+13:45',
          due: null,
          paid: null,
          state: 'sent_out',
          lines: [{ no: 1, text: ' a & b ', count: 0, price: 0.5 }],
          notes: ['one', null, '<three> & more'],
          codes: [1, 2, 3],
          pdf: 'AAECAw==',
          cash: null,
          card: 'x',
          payer: { __typename: 'Company', name: 'Hem', vat: 'HU1', city: 'Budapest' },
          parent: null,
          strange: 'c',
          stranger: { no: 9, text: 'p' },
        },
      },
    });
    expect(world.received).toEqual([{ number: Number('9007199254740993'), withLines: true }]);
    expect(last(world.backend).body).toContain('<n0:number>9007199254740993</n0:number>');
  });

  test('a list is a list with one element and with none', async () => {
    await using world = await start(version);
    const { body } = await world.gateway.query(
      'web',
      '{ invoice(number: 1, locale: "hu") { lines { no } notes due issued paid cash strange total } }',
    );
    expect(body.errors).toBeUndefined();
    expect(body.data.invoice).toEqual({
      lines: [],
      notes: [],
      due: '2026-02-29Z',
      issued: '2026-01-01T00:00:00',
      paid: true,
      cash: true,
      strange: null,
      total: 0,
    });
    expect(world.received).toEqual([{ attributes: { locale: 'hu' }, number: 1, withLines: true }]);
  });

  test('the message has its action, its header and its namespaces', async () => {
    await using world = await start(version);
    await world.gateway.query('web', '{ invoice(number: 1) { id } }');
    const { body, headers } = last(world.backend);
    expect(body).toContain(
      '<soap:Header><n0:Session><n0:token>t&lt;1&gt;</n0:token><n0:tenant>7</n0:tenant></n0:Session></soap:Header>',
    );
    if (version === '1.1') {
      expect(headers['content-type']).toBe('text/xml; charset=utf-8');
      expect(headers.soapaction).toBe('"urn:test:invoices/GetInvoice"');
      expect(body).toContain('xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"');
    } else {
      expect(headers['content-type']).toBe(
        'application/soap+xml; charset=utf-8; action="urn:test:invoices/GetInvoice"',
      );
      expect(headers.soapaction).toBeUndefined();
      expect(body).toContain('xmlns:soap="http://www.w3.org/2003/05/soap-envelope"');
    }
  });

  test('input objects become elements in the order and the namespaces of the XSD', async () => {
    await using world = await start(version);
    const { body } = await world.gateway.query(
      'web',
      `mutation ($line: [LineInput!]!) { createInvoice(draft: true, codes: [1, 2], first_note: "a\\r\\n]]>&\\"'", line: $line,
        state: sent_out, issued: "2026-11-22T10:00:00Z", due: null,
        payer: { seat: { zip: "1", city: "Budapest" }, vat: "HU1", name: "Hem & Co", _type: "Company" }) }`,
      {
        variables: {
          line: [
            { count: 2, text: 'x', price: { _text: '12.30', _attributes: { currency: 'HUF' } } },
            { text: '', _attributes: { no: 2 } },
          ],
        },
      },
    );
    expect(body).toEqual({ data: { createInvoice: '9007199254740995' } });
    expect(last(world.backend).body).toContain(
      '<soap:Body><n0:CreateInvoice draft="true">' +
        '<n0:payer xsi:type="n0:Company" xmlns:n0="urn:test:invoices"><name>Hem &amp; Co</name><vat>HU1</vat><seat><city>Budapest</city><zip>1</zip></seat></n0:payer>' +
        '<n0:issued>2026-11-22T10:00:00Z</n0:issued><n0:due xsi:nil="true"/><n0:state>sent out</n0:state>' +
        '<n0:line><n0:text>x</n0:text><n0:count>2</n0:count><n0:price currency="HUF">12.30</n0:price></n0:line>' +
        '<n0:line no="2"><n0:text></n0:text></n0:line>' +
        `<n0:first-note>a&#13;\n]]&gt;&amp;"'</n0:first-note><n0:codes>1 2</n0:codes></n0:CreateInvoice></soap:Body>`,
    );
    expect(world.received[0]).toMatchObject({
      attributes: { draft: 'true' },
      payer: { name: 'Hem & Co', vat: 'HU1', seat: { city: 'Budapest', zip: '1' } },
      line: [
        { text: 'x', count: 2, price: { attributes: { currency: 'HUF' } } },
        { attributes: { no: '2' }, text: '' },
      ],
      codes: '1 2',
    });
  });

  test('an element of a simple type is the value; an optional argument is left out', async () => {
    await using world = await start(version);
    const { body } = await world.gateway.query('web', '{ a: count b: count(state: sent_out) }');
    expect(body).toEqual({ data: { a: 42, b: 42 } });
    expect(world.received).toEqual(expect.arrayContaining([{}, { state: 'sent out' }]));
  });

  test('an operation without an answer is true', async () => {
    await using world = await start(version);
    const { body } = await world.gateway.query('web', 'mutation { touch(number: 5) }');
    expect(body).toEqual({ data: { touch: true } });
    expect(world.received).toEqual([{ number: 5 }]);
  });
});

test('rpc style: parts in a wrapper of the operation’s name', async () => {
  await using backend = await startWsdlServer(WSDL, {
    path: '/rates',
    services: {
      RateService: {
        Rates11: {
          Rate: ({ from, to }: Args) => ({
            rate: `${from}${to}` === 'EURHUF' ? 401.25 : 1,
            on: '2026-11-22',
          }),
        },
      },
    },
  });
  await using gateway = await startSoapGateway({ url: backend.url, schema: SCHEMA });
  const { body } = await gateway.query('web', '{ rate(from: "EUR", to: "HUF") { rate on } }');
  expect(body).toEqual({ data: { rate: { rate: 401.25, on: '2026-11-22' } } });
  expect(last(backend).body).toContain(
    '<soap:Body><n0:Rate><from>EUR</from><to>HUF</to></n0:Rate></soap:Body>',
  );
});

test('headers of connector.yml go to the operations that declare them', async () => {
  const received: Args[] = [];
  await using backend = await startWsdlServer(WSDL, { path: '/invoices', services: services(received) });
  await using gateway = await startSoapGateway({
    url: backend.url,
    settings: `header:\n  Session: { token: "\${env:TOKEN}", tenant: 3 }\n  Trace: on & on\n`,
    env: { TOKEN: 'secret' },
    schema: `type Query {
      a(number: ID!): Int @soap(operation: "GetInvoice", select: "Invoice.@id")
      b(number: ID!): Int @soap(operation: "GetInvoice", header: "{ Trace: \\"own\\" }", select: "Invoice.@id")
      c: Int @soap(operation: "CountInvoices")
    }`,
  });
  for (const [query, header] of [
    [
      '{ a(number: 1) }',
      '<soap:Header><n0:Session><n0:token>secret</n0:token><n0:tenant>3</n0:tenant></n0:Session><n0:Trace>on &amp; on</n0:Trace></soap:Header>',
    ],
    [
      '{ b(number: 1) }',
      '<soap:Header><n0:Session><n0:token>secret</n0:token><n0:tenant>3</n0:tenant></n0:Session><n0:Trace>own</n0:Trace></soap:Header>',
    ],
    ['{ c }', undefined],
  ] as const) {
    const { body } = await gateway.query('web', query);
    expect(body.errors).toBeUndefined();
    expect(/<soap:Header>.*<\/soap:Header>/.exec(last(backend).body)?.[0]).toBe(header);
  }
});

describe('credentials', () => {
  const schema = 'type Query { count: Int @soap(operation: "CountInvoices") }';

  test.each(['text', 'digest'] as const)(
    'WS-Security username token, password as %s',
    async (passwordType) => {
      const { createHash } = await import('node:crypto');
      const tokens: unknown[] = [];
      await using backend = await startWsdlServer(WSDL, {
        path: '/invoices',
        services: services([]),
        authenticate: (security) => {
          const token = (
            security as { UsernameToken?: Record<string, { $value?: string } & string> } | undefined
          )?.UsernameToken;
          if (token === undefined) return false;
          const value = (name: string) => String(token[name]?.$value ?? token[name]);
          tokens.push(value('Nonce'));
          if (passwordType === 'text') return value('Username') === 'hem' && value('Password') === 'p&<"';
          const nonce = Buffer.from(value('Nonce'), 'base64');
          const digest = createHash('sha1')
            .update(nonce)
            .update(value('Created'))
            .update('p&<"')
            .digest('base64');
          return value('Username') === 'hem' && value('Password') === digest;
        },
      });
      const settings = (password: string) =>
        `security: { usernameToken: { username: hem, password: '${password}', passwordType: ${passwordType} }, timestamp: true, mustUnderstand: true }\n`;
      await using right = await startSoapGateway({ url: backend.url, schema, settings: settings('p&<"') });
      expect((await right.query('web', '{ count }')).body).toEqual({ data: { count: 42 } });
      expect((await right.query('web', '{ count }')).body).toEqual({ data: { count: 42 } });
      expect(last(backend).body).toContain('soap:mustUnderstand="1"');
      expect(last(backend).body).toContain('<wsu:Timestamp');
      if (passwordType === 'digest') expect(new Set(tokens).size).toBe(2);
      await using wrong = await startSoapGateway({ url: backend.url, schema, settings: settings('wrong') });
      const { body } = await wrong.query('web', '{ count }');
      expect(body.data).toEqual({ count: null });
      expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_DENIED', connector: 'billing' });
    },
  );

  test('basic', async () => {
    await using backend = await startWsdlServer(WSDL, { path: '/invoices', services: services([]) });
    await using gateway = await startSoapGateway({
      url: backend.url,
      schema,
      settings: `auth: { basic: { username: hem, password: "\${env:PASSWORD}" } }\n`,
      env: { PASSWORD: 'ü:1' },
    });
    expect((await gateway.query('web', '{ count }')).body).toEqual({ data: { count: 42 } });
    expect(last(backend).headers.authorization).toBe(`Basic ${Buffer.from('hem:ü:1').toString('base64')}`);
  });
});

test('a batch of lookups is one message per element, each with its own outcome', async () => {
  const { startTextServer, envelope } = await import('../support/backends/soap/server.ts');
  await using backend = await startTextServer(({ body }) => {
    const number = /number>(\d+)</.exec(body)![1]!;
    if (number === '2')
      return {
        status: 500,
        body: envelope('<e:Fault><faultcode>e:Server</faultcode><faultstring>no</faultstring></e:Fault>'),
      };
    return envelope(
      `<GetInvoiceResponse xmlns="urn:test:invoices"><Invoice id="${number}0"><number>${number}</number></Invoice></GetInvoiceResponse>`,
    );
  });
  await using gateway = await startSoapGateway({
    url: backend.url,
    files: INVOICES,
    schema: `type Query {
      numbers: [Stub] @soap(operation: "GetInvoice", args: "{ number: 1 }", select: "Invoice.line")
      one(number: ID!): Int @soap(operation: "GetInvoice", select: "Invoice.@id")
    }
    type Stub { text: String }`,
  });
  const { body } = await gateway.query(
    'web',
    '{ numbers { text } a: one(number: 1) b: one(number: 2) c: one(number: 3) }',
  );
  expect(body.data).toEqual({ numbers: [], a: 10, b: null, c: 30 });
  expect(body.errors).toMatchObject([
    { path: ['b'], extensions: { code: 'UPSTREAM_FAILED', coordinate: 'Query.one' } },
  ]);
});

test('a field of an object is a call of its own, filled from the parent’s key', async () => {
  const received: Args[] = [];
  await using backend = await startWsdlServer(WSDL, { path: '/invoices', services: services(received) });
  await using gateway = await startSoapGateway({
    url: backend.url,
    schema: `type Query { invoice(number: ID!): Invoice @lookup @soap(operation: "GetInvoice", select: "Invoice") }
      type Invoice @key(fields: "number") {
        number: ID!
        lines(locale: String): [Line!] @soap(operation: "GetInvoice", select: "Invoice.line")
        mine: String @soap(operation: "GetInvoice", args: "{ number: $parent.number, _attributes: { locale: $claims.locale? } }", select: "Invoice.@kind")
      }
      type Line { text: String! }`,
  });
  const { body } = await gateway.query('web', '{ invoice(number: 5) { lines(locale: "hu") { text } mine } }');
  expect(body).toEqual({ data: { invoice: { lines: [{ text: ' a & b ' }], mine: 'standard' } } });
  expect(received).toHaveLength(3);
  expect(
    backend.seen.map((one) => one.body).filter((text) => text.includes('>9007199254740993<')),
  ).toHaveLength(2);
  expect(received).toContainEqual({ attributes: { locale: 'hu' }, number: Number('9007199254740993') });
});
