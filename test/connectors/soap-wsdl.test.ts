/**
 * WSDLs as real services published them, unchanged, against servers that the `soap` package makes from the same files.
 * They stand beside the checkout and are not part of it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Port } from '../../src/connectors/soap/wsdl.ts';
import { startSoapGateway, vendored } from '../support/backends/soap/gateway.ts';
import { portsOf, type Sample, sample, sampleOf, toTexts } from '../support/backends/soap/samples.ts';
import { startWsdlServer } from '../support/backends/soap/server.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/wsdl');
const IS_THERE = existsSync(FOLDER);

/** Number of operations by file and version. */
const PUBLISHED = [
  ['calculator.wsdl', '1.1', 4],
  ['calculator.wsdl', '1.2', 4],
  ['mnb-exchange.wsdl', '1.1', 6],
  ['mnb-exchange.wsdl', '1.2', 6],
  ['weather-ws.wsdl', '1.1', 3],
  ['weather-ws.wsdl', '1.2', 3],
  ['ferry.wsdl', '1.1', 23],
  ['ferry.wsdl', '1.2', 23],
  ['marketo.wsdl', '1.1', 23],
  ['EPCglobal-epcis-query-1_2.wsdl', '1.1', 7],
] as const;

function filesOf(wsdl: string): Record<string, Buffer> {
  const imported = wsdl.startsWith('EPC') ? readdirSync(FOLDER).filter((name) => name.endsWith('.xsd')) : [];
  return vendored(FOLDER, [wsdl, ...imported]);
}

/** The package picks a port by the path of its address. */
function pathOf(wsdl: string): string {
  return new URL(/address\s+location="([^"]+)"/.exec(readFileSync(join(FOLDER, wsdl), 'utf8'))![1]!).pathname;
}

type Handler = (args: unknown, callback: unknown, headers: unknown) => unknown;

function start(
  wsdl: string,
  version: '1.1' | '1.2',
  ports: ReadonlyArray<Pick<Port, 'service'>>,
  handlers: Record<string, Handler>,
) {
  const anyPort = new Proxy({}, { get: () => handlers, has: () => true });
  const services = Object.fromEntries(ports.map(({ service }) => [service, anyPort]));
  return startWsdlServer(join(FOLDER, wsdl), { version, path: pathOf(wsdl), services: services as never });
}

// The reason of the skip: ../shared/wsdl is not there.
describe.skipIf(!IS_THERE)('every operation, with everything that its XSD allows', () => {
  test.each(PUBLISHED)('%s, SOAP %s: %i operations', async (wsdl, version, count) => {
    const ports = await portsOf(FOLDER, wsdl, version);
    const operations = ports.flatMap((port) =>
      [...port.operations.values()].map((operation) => ({ port, operation })),
    );
    expect(operations).toHaveLength(count);

    const received = new Map<string, { args: unknown; headers: unknown }>();
    const handlers = Object.fromEntries(
      operations.map(({ operation }): [string, Handler] => [
        operation.name,
        (args, _callback, headers) => {
          received.set(operation.name, { args, headers });
          return sampleOf(operation.output()!).object;
        },
      ]),
    );
    await using backend = await start(wsdl, version, ports, handlers);
    const fields = operations.map(({ port, operation }) => {
      const headers = operation.input()!.headers.map(({ local }) => local);
      const header =
        headers.length === 0
          ? ''
          : `, header: "{ ${headers.map((name) => `${name}: $${name}`).join(', ')} }"`;
      const args = ['request', ...headers].map((name) => `${name}: JSON`).join(', ');
      return `${operation.name}(${args}): JSON @soap(operation: "${operation.name}", service: "${port.service}", port: "${port.name}", args: "$request"${header})`;
    });
    await using gateway = await startSoapGateway({
      url: backend.url,
      files: filesOf(wsdl),
      settings: `version: "${version}"\n`,
      schema: `scalar JSON type Query { ${fields.join('\n')} }`,
    });

    for (const { operation } of operations) {
      const { name } = operation;
      const request = sampleOf(operation.input()!);
      const headers = operation
        .input()!
        .headers.map(({ local, shape }): [string, Sample] => [local, sample(shape(), local, 0)!]);
      const variables = {
        request: request.argument,
        ...Object.fromEntries(headers.map(([local, one]) => [local, one.argument])),
      };
      const names = Object.keys(variables);
      const { body } = await gateway.query(
        'web',
        `query (${names.map((one) => `$${one}: JSON`).join(', ')}) { answer: ${name}(${names.map((one) => `${one}: $${one}`).join(', ')}) }`,
        { variables },
      );
      expect.soft(body.errors, name).toBeUndefined();
      expect.soft(toTexts(received.get(name)?.args), `${name}: request`).toEqual(toTexts(request.object));
      for (const [local, one] of headers) {
        expect
          .soft(
            toTexts((received.get(name)?.headers as Record<string, unknown>)?.[local]),
            `${name}: ${local}`,
          )
          .toEqual(toTexts(one.object));
      }
      const answer = sampleOf(operation.output()!).record;
      // An element that can hold nothing is nothing.
      const expected = JSON.stringify(answer) === '{}' ? null : JSON.parse(JSON.stringify(answer));
      expect.soft(body.data?.answer, `${name}: answer`).toEqual(expected);
    }
  });
});

describe.skipIf(!IS_THERE)('as a team would bind them', () => {
  test.each(['1.1', '1.2'] as const)('calculator, SOAP %s', async (version) => {
    await using backend = await start('calculator.wsdl', version, [{ service: 'Calculator' }], {
      Divide: (args) => {
        const { intA, intB } = args as { intA: number; intB: number };
        if (intB !== 0) return { DivideResult: Math.trunc(intA / intB) };
        throw version === '1.1'
          ? { Fault: { faultcode: 'soap:Client', faultstring: 'division by zero', detail: { Divisor: 0 } } }
          : {
              Fault: {
                Code: { Value: 'soap:Sender' },
                Reason: { Text: 'division by zero' },
                Detail: { Divisor: 0 },
                statusCode: 400,
              },
            };
      },
    });
    await using gateway = await startSoapGateway({
      url: backend.url,
      files: filesOf('calculator.wsdl'),
      settings: `version: "${version}"\nerrors: { detail: public }\n`,
      schema:
        'type Query { divide(intA: Int!, intB: Int!): Int @soap(operation: "Divide", select: "DivideResult") }',
    });
    const { body } = await gateway.query(
      'web',
      '{ a: divide(intA: 85, intB: 2) b: divide(intA: 1, intB: 0) }',
    );
    expect(body.data).toEqual({ a: 42, b: null });
    expect(body.errors).toMatchObject([
      {
        path: ['b'],
        extensions: {
          code: 'UPSTREAM_REJECTED',
          status: version === '1.1' ? 'soap:Client' : 'soap:Sender',
          detail: { reason: 'division by zero', detail: { Divisor: '0' } },
        },
      },
    ]);
  });

  test('mnb-exchange: the answer is a document in a text', async () => {
    const xml =
      '<MNBCurrentExchangeRates><Day date="2026-11-20"><Rate unit="1" curr="EUR">401,25</Rate></Day></MNBCurrentExchangeRates>';
    await using backend = await start('mnb-exchange.wsdl', '1.2', [{ service: 'MNBArfolyamService' }], {
      GetExchangeRates: (args) => ({
        GetExchangeRatesResult: (args as { currencyNames: string }).currencyNames === 'EUR' ? xml : '',
      }),
    });
    await using gateway = await startSoapGateway({
      url: backend.url,
      files: filesOf('mnb-exchange.wsdl'),
      settings: 'version: "1.2"\n',
      schema:
        'type Query { rates(from: String!, to: String!, currencies: String!): String @soap(operation: "GetExchangeRates", args: "{ startDate: $from, endDate: $to, currencyNames: $currencies }", select: "GetExchangeRatesResult") }',
    });
    const { body } = await gateway.query(
      'web',
      '{ rates(from: "2026-11-20", to: "2026-11-20", currencies: "EUR") }',
    );
    expect(body).toEqual({ data: { rates: xml } });
  });

  test.each(['1.1', '1.2'] as const)(
    'weather, SOAP %s: lists of one and of none, nil in a list',
    async (version) => {
      const forecast = (date: string) => ({
        Date: date,
        WeatherID: 2,
        Temperatures: { MorningLow: '-3' },
        ProbabilityOfPrecipiation: {},
      });
      await using backend = await start('weather-ws.wsdl', version, [{ service: 'Weather' }], {
        GetCityForecastByZIP: (args) => {
          const zip = (args as { ZIP: string }).ZIP;
          const days = {
            one: [forecast('2026-11-22T00:00:00Z')],
            nil: [{ attributes: { 'xsi:nil': 'true' } }, forecast('2026-11-22T00:00:00Z')],
            none: [],
          }[zip];
          return {
            GetCityForecastByZIPResult: { Success: true, City: zip, ForecastResult: { Forecast: days } },
          };
        },
      });
      await using gateway = await startSoapGateway({
        url: backend.url,
        files: filesOf('weather-ws.wsdl'),
        settings: `version: "${version}"\n`,
        schema: `type Query { forecast(ZIP: String!): City @soap(operation: "GetCityForecastByZIP", select: "GetCityForecastByZIPResult") }
        type City { ok: Boolean @from(path: "Success")  City: String!  days: [Day]! @from(path: "ForecastResult.Forecast") }
        type Day { date: String! @from(path: "Date")  low: String @from(path: "Temperatures.MorningLow")  weather: Int @from(path: "WeatherID") }`,
      });
      const { body } = await gateway.query(
        'web',
        '{ one: forecast(ZIP: "one") { ...c } nil: forecast(ZIP: "nil") { ...c } none: forecast(ZIP: "none") { ...c } } fragment c on City { ok City days { date low weather } }',
      );
      const day = { date: '2026-11-22T00:00:00Z', low: '-3', weather: 2 };
      expect(body).toEqual({
        data: {
          one: { ok: true, City: 'one', days: [day] },
          nil: { ok: true, City: 'nil', days: [null, day] },
          none: { ok: true, City: 'none', days: [] },
        },
      });
    },
  );

  test('ferry: the access code of connector.yml goes along with every call', async () => {
    const codes: unknown[] = [];
    await using backend = await start('ferry.wsdl', '1.1', [{ service: 'WSF_x0020_Schedule' }], {
      GetAllTerminals: (_args, _callback, headers) => {
        codes.push((headers as { APIAccessHeader: { APIAccessCode: string } }).APIAccessHeader.APIAccessCode);
        return { GetAllTerminalsResult: { TerminalResponse: [{ TerminalID: 7, Description: 'Seattle' }] } };
      },
    });
    await using gateway = await startSoapGateway({
      url: backend.url,
      files: filesOf('ferry.wsdl'),
      settings: `header: { APIAccessHeader: { APIAccessCode: "\${env:WSF_CODE}" } }\n`,
      env: { WSF_CODE: 's3cret' },
      schema: FERRY_SCHEMA,
    });
    const { body } = await gateway.query('web', '{ terminals(day: "2026-11-22T00:00:00") { id name } }');
    expect(body).toEqual({ data: { terminals: [{ id: 7, name: 'Seattle' }] } });
    expect(codes).toEqual(['s3cret']);
  });

  test('marketo: a header given by the caller, attributes of a lead as a list', async () => {
    await using backend = await start('marketo.wsdl', '1.1', [{ service: 'MktMktowsApiService' }], {
      getLead: (args, _callback, headers) => {
        const { leadKey } = args as { leadKey: { keyType: string; keyValue: string } };
        const user = (headers as { AuthenticationHeader: { mktowsUserId: string } }).AuthenticationHeader
          .mktowsUserId;
        const leadAttribute = [
          {
            attrName: 'user',
            attrType: 'string',
            attrValue: `${user} ${leadKey.keyType} ${leadKey.keyValue}`,
          },
        ];
        return {
          result: {
            count: 1,
            leadRecordList: {
              leadRecord: [
                {
                  Id: 5,
                  Email: null,
                  ForeignSysPersonId: null,
                  leadAttributeList: { attribute: leadAttribute },
                },
              ],
            },
          },
        };
      },
    });
    await using gateway = await startSoapGateway({
      url: backend.url,
      files: filesOf('marketo.wsdl'),
      schema: `type Query { leads(email: String!, at: String!): [Lead!] @soap(operation: "getLead", args: "{ leadKey: { keyType: EMAIL, keyValue: $email } }",
          header: "{ AuthenticationHeader: { mktowsUserId: \\"hem\\", requestSignature: \\"x\\", requestTimestamp: $at } }", select: "result.leadRecordList.leadRecord") }
        type Lead { id: Int @from(path: "Id")  email: String @from(path: "Email")  attributes: [Attribute!] @from(path: "leadAttributeList.attribute") }
        type Attribute { name: String @from(path: "attrName")  value: String @from(path: "attrValue") }`,
    });
    const { body } = await gateway.query(
      'web',
      '{ leads(email: "a@b.c", at: "2026-11-22T10:00:00Z") { id email attributes { name value } } }',
    );
    expect(body).toEqual({
      data: { leads: [{ id: 5, email: null, attributes: [{ name: 'user', value: 'hem EMAIL a@b.c' }] }] },
    });
  });

  test('EPCIS: typed parameters, unions of events, typed faults', async () => {
    await using backend = await start(
      'EPCglobal-epcis-query-1_2.wsdl',
      '1.1',
      [{ service: 'EPCglobalEPCISService' }],
      {
        poll: (args) => {
          const { queryName } = args as { queryName: string };
          if (queryName !== 'SimpleEventQuery') {
            throw {
              Fault: {
                faultcode: 'soap:Server',
                faultstring: 'no such query',
                detail: { _xml: '' },
                statusCode: 500,
              },
            };
          }
          return {
            queryName,
            resultsBody: {
              EventList: {
                ObjectEvent: [
                  {
                    eventTime: '2026-11-22T10:00:00Z',
                    eventTimeZoneOffset: '+01:00',
                    epcList: { epc: ['urn:epc:id:sgtin:1', 'urn:epc:id:sgtin:2'] },
                    action: 'OBSERVE',
                  },
                ],
              },
            },
          };
        },
        getStandardVersion: () => ({
          _xml: '<q:GetStandardVersionResult xmlns:q="urn:epcglobal:epcis-query:xsd:1">1.2</q:GetStandardVersionResult>',
        }),
        unsubscribe: () => {
          throw {
            Fault: {
              faultcode: 'soap:Server',
              faultstring: 'unknown',
              detail: {
                'q:NoSuchSubscriptionException': {
                  attributes: { 'xmlns:q': 'urn:epcglobal:epcis-query:xsd:1' },
                  reason: 'never heard of it',
                },
              },
            },
          };
        },
      },
    );
    await using gateway = await startSoapGateway({
      url: backend.url,
      files: filesOf('EPCglobal-epcis-query-1_2.wsdl'),
      settings: 'errors: { detail: public }\ncodes: { NoSuchSubscriptionException: not-found }\n',
      schema: `type Query {
          poll(name: String!, epcs: [String!]!): [Event!] @soap(operation: "poll", select: "resultsBody.EventList.ObjectEvent",
            args: "{ queryName: $name, params: { param: [{ name: \\"MATCH_epc\\", value: { _type: \\"ArrayOfString\\", string: $epcs } }] } }")
          version: String @soap(operation: "getStandardVersion")
        }
        type Mutation { unsubscribe(subscriptionID: String!): Boolean @soap(operation: "unsubscribe") }
        type Event { at: String! @from(path: "eventTime")  zone: String! @from(path: "eventTimeZoneOffset")  epcs: [String!] @from(path: "epcList.epc")  action: String }`,
    });
    const { body } = await gateway.query(
      'web',
      '{ version poll(name: "SimpleEventQuery", epcs: ["urn:*"]) { at zone epcs action } }',
    );
    expect(body).toEqual({
      data: {
        version: '1.2',
        poll: [
          {
            at: '2026-11-22T10:00:00Z',
            zone: '+01:00',
            epcs: ['urn:epc:id:sgtin:1', 'urn:epc:id:sgtin:2'],
            action: 'OBSERVE',
          },
        ],
      },
    });
    expect(backend.seen.map((one) => one.body).find((text) => text.includes('Poll'))).toContain(
      '<value xsi:type="n0:ArrayOfString" xmlns:n0="urn:epcglobal:epcis-query:xsd:1"><string>urn:*</string></value>',
    );
    const failed = await gateway.query('web', 'mutation { unsubscribe(subscriptionID: "x") }');
    expect(failed.body.errors?.[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_NOT_FOUND',
      status: 'soap:Server',
      detail: { reason: 'unknown', detail: { NoSuchSubscriptionException: { reason: 'never heard of it' } } },
    });
  });
});

const FERRY_SCHEMA = `type Query { terminals(day: String!): [Terminal!] @soap(operation: "GetAllTerminals", args: "{ request: { TripDate: $day } }", select: "GetAllTerminalsResult.TerminalResponse") }
  type Terminal { id: Int! @from(path: "TerminalID")  name: String @from(path: "Description") }`;
