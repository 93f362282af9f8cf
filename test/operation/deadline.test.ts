/** The last resort: an engine that never answers is not waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { buildSchema, parse } from 'graphql';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Cancellation } from '../../src/cancellation.ts';
import type { Engine } from '../../src/execute/engine.ts';
import { clientSettings, hemSettings } from '../../src/load/settings/settings.ts';
import type { Stream } from '../../src/operation/answer.ts';
import { Endpoint } from '../../src/operation/endpoint.ts';
import { incrementalUses } from '../../src/plan/incremental.ts';
import type { View } from '../../src/views/view.ts';

const never: Engine = {
  execute: () => new Promise(() => {}),
  executeIncrementally: () => new Promise(() => {}),
  subscribe: () => new Promise(() => {}),
};

function endpointOf(engine: Engine, deadline: string): Endpoint {
  const view = {
    client: { name: 'web', settings: clientSettings.parse({}) },
    schema: buildSchema('type Query { a: Int }'),
  } as unknown as View;
  const settings = hemSettings.parse({ limits: { deadline } });
  return new Endpoint(view, engine, { settings, log: pino({ level: 'silent' }), policies: [] });
}

const OPERATION = {
  kind: 'query' as const,
  document: parse('{ a }'),
  operationName: undefined,
  variables: {},
};

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
  const { result } = await endpointOf(engine, '100ms').execute(OPERATION, request);
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

it('ends an answer in parts whose engine never gives the next one, also when that is asked for late', async () => {
  const schema = buildSchema('directive @defer on INLINE_FRAGMENT type Query { a: Int }');
  const document = parse('{ a ... @defer { a } }');
  const incremental = incrementalUses(schema, document)?.values().next().value;
  const engine: Engine = {
    ...never,
    executeIncrementally: async () => ({
      initialResult: { data: { a: 1 }, pending: [{ id: '0', path: [] }], hasNext: true },
      subsequentResults: {
        next: () => new Promise(() => {}),
        return: async () => ({ done: true, value: undefined }),
      } as never,
    }),
  };
  for (const pauseMs of [0, 700]) {
    const request = { requestId: 'id', headers: {}, left: new Cancellation() };
    const stream = await endpointOf(engine, '50ms').executeInParts(
      { ...OPERATION, document, incremental },
      request,
    );
    const received: unknown[] = [];
    for await (const part of (stream as Stream<unknown>).items) {
      received.push(part);
      if (received.length === 1) await sleep(pauseMs);
    }
    expect(received).toEqual([
      { data: { a: 1 }, pending: [{ id: '0', path: [] }], hasNext: true },
      {
        completed: [
          {
            id: '0',
            errors: [
              {
                message: 'The operation did not finish in time.',
                extensions: { code: 'DEADLINE_EXCEEDED', requestId: 'id' },
              },
            ],
          },
        ],
        hasNext: false,
      },
    ]);
  }
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
    expect(await answer).toEqual({ result: { data: {} } });
  }
});
