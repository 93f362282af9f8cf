/** Things over SOAP: a server that the `soap` package makes from things.wsdl. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen, type Server as SoapServer } from 'soap';
import { HttpServer, watchCaller } from './http-server.ts';
import type { ConformingKind, ThingsBackend } from './kind.ts';
import { SECRET, type Thing, Things } from './things.ts';

const WSDL = readFileSync(new URL('things.wsdl', import.meta.url), 'utf8');

export const soap: ConformingKind = {
  kind: 'soap',
  lacks: { subscriptions: 'HTTP requests have one answer' },
  async start({ tls } = {}): Promise<ThingsBackend> {
    const things = new Things();
    const http = new HttpServer((_request, response) => void response.writeHead(404).end(), tls);
    await http.up();
    const operation =
      (
        name: string,
        toArgs: (message: Message) => Record<string, unknown>,
        toXml: (value: never) => string,
      ) =>
      async (
        message: Message,
        _callback: unknown,
        _headers: unknown,
        request: IncomingMessage,
        response: ServerResponse,
      ) => {
        const answer = await things.answer(name, toArgs(message), request.headers);
        if (things.cacheControl !== undefined) response.setHeader('cache-control', things.cacheControl);
        switch (answer.kind) {
          case 'value':
            return { _xml: toXml(answer.value as never) };
          case 'missing':
            throw fault('t:Unknown', 'NoSuchThing');
          case 'hang':
            return new Promise(() => {});
          case 'garbage':
            response.end('<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Bo');
            return new Promise(() => {});
          case 'broken':
            throw fault('soap:Server', undefined);
          case 'denied':
            throw fault('soap:Client.Authentication', undefined);
        }
      };
    const list = (message: Message) => ({ ids: [message.id].flat() });
    const itself = (message: Message) => message;
    const methods = {
      GetThing: operation('thing', itself, (thing: Thing) => answerOf('GetThing', toXml(thing))),
      ThingsById: operation('thingsById', list, (all: Thing[]) =>
        answerOf('ThingsById', all.map(toXml).join('')),
      ),
      ListThings: operation('things', itself, (all: Thing[]) =>
        answerOf('ListThings', all.map(toXml).join('')),
      ),
      Echo: operation('echo', itself, (text: string) => answerOf('Echo', element('text', text))),
      PartsOf: operation('parts', itself, (parts: Array<{ name: string }>) =>
        answerOf('PartsOf', parts.map(({ name }) => `<part>${element('name', name)}</part>`).join('')),
      ),
      Rename: operation('rename', itself, (thing: Thing) => answerOf('Rename', toXml(thing))),
    };
    await new Promise<SoapServer>((resolve, reject) => {
      const server: SoapServer = listen(http.server, {
        path: '/things',
        xml: WSDL,
        services: { Things: { Things: methods } },
        preserveWhitespace: true,
        callback: (error: unknown) => (error ? reject(error) : resolve(server)),
      });
    });
    // The package takes over whoever listened before.
    http.server.prependListener('request', (_request, response) => watchCaller(response, things));
    return {
      things,
      url: `${tls === undefined ? 'http' : 'https'}://${http.authority}/things`,
      settings: 'wsdl: things.wsdl\ncodes: { NoSuchThing: not-found }\n',
      bindings: {
        thing: '@soap(operation: "GetThing", select: "thing")',
        thingsById: '@soap(operation: "ThingsById", args: "{ id: $ids }", select: "thing")',
        things: '@soap(operation: "ListThings", select: "thing")',
        echo: '@soap(operation: "Echo", select: "text")',
        parts: '@soap(operation: "PartsOf", args: "{ thing: $parent.id, first: $first }", select: "part")',
        rename: '@soap(operation: "Rename", select: "thing")',
      },
      files: { 'things.wsdl': WSDL },
      up: () => http.up(),
      down: () => http.down(),
      [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
    };
  },
};

type Message = Readonly<Record<string, unknown>>;

function fault(faultcode: string, element: string | undefined) {
  const detail = element === undefined ? {} : { detail: { [element]: 'none' } };
  return { Fault: { faultcode, faultstring: SECRET, ...detail } };
}

function answerOf(operation: string, content: string): string {
  return `<${operation}Response xmlns="urn:test:things">${content}</${operation}Response>`;
}

function toXml(thing: Thing): string {
  const names = ['id', 'name', 'big', 'constructor'] as const;
  return `<thing>${names.map((name) => element(name, thing[name])).join('')}</thing>`;
}

function element(name: string, text: string): string {
  const escaped = text.replace(/[&<>\r]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<${name}>${escaped}</${name}>`;
}
