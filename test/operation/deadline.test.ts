/** The last resort: an engine that never answers is not waited for. */

import { buildSchema, parse } from 'graphql';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Engine } from '../../src/execute/engine.ts';
import { clientSettings, hemSettings } from '../../src/load/settings.ts';
import { Endpoint } from '../../src/operation/endpoint.ts';
import { Cancellation } from '../../src/upstream/cancellation.ts';
import type { View } from '../../src/views/view.ts';

const never: Engine = {
  execute: () => new Promise(() => {}),
  subscribe: () => new Promise(() => {}),
};

function endpointOf(engine: Engine, deadline: string): Endpoint {
  const view = {
    client: { name: 'web', settings: clientSettings.parse({}) },
    schema: buildSchema('type Query { a: Int }'),
  } as unknown as View;
  const settings = hemSettings.parse({ limits: { deadline } });
  return new Endpoint(view, engine, { settings, log: pino({ level: 'silent' }) });
}

const OPERATION = { document: parse('{ a }'), operationName: undefined, variables: {} };

it('answers with DEADLINE_EXCEEDED, a little after its signal', async () => {
  let abortedAt = Number.NaN;
  const startedAt = performance.now();
  const engine: Engine = {
    ...never,
    execute: (_operation, { signal }) => {
      signal.addEventListener('abort', () => {
        abortedAt = performance.now() - startedAt;
      });
      return never.execute(_operation, { signal } as never);
    },
  };
  const request = { requestId: 'id', headers: {}, left: new Cancellation() };
  const result = await endpointOf(engine, '100ms').execute(OPERATION, request);
  expect(result).toEqual({
    errors: [
      {
        message: 'The operation did not finish in time.',
        extensions: { code: 'DEADLINE_EXCEEDED', requestId: 'id' },
      },
    ],
  });
  expect(abortedAt).toBeGreaterThan(80);
  expect(performance.now() - startedAt).toBeGreaterThan(abortedAt + 300);
});

it('tells what runs when the caller leaves, also when it has left before', async () => {
  for (const early of [true, false]) {
    const left = new Cancellation();
    if (early) left.cancel();
    const engine: Engine = {
      ...never,
      execute: (_operation, { signal }) =>
        new Promise((resolve) => {
          if (signal.aborted) resolve({ data: {} });
          signal.addEventListener('abort', () => resolve({ data: {} }));
        }),
    };
    const request = { requestId: 'id', headers: {}, left };
    const answer = endpointOf(engine, '10s').execute(OPERATION, request);
    if (!early) left.cancel();
    expect(await answer).toEqual({ data: {} });
  }
});
