/**
 * Random operations with `@defer` and `@stream` at random places: put together, their parts say what the answer as one says. Over the
 * test graph with faults, engine by engine; over the bike-share from outside, through every door that sends parts.
 */
import { parse } from 'graphql';
import { createClient, type SubscribePayload } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { DATA } from '../../demo/data.ts';
import { type BikeShare, startBikeShare } from '../demo/bike-share.ts';
import { PartReader } from '../doors/part-reader.ts';
import type { TestGateway } from '../support/gateway.ts';
import { mergeParts, type ReceivedPart } from '../support/merge-parts.ts';
import { differenceOf } from './compare.ts';
import { partsDifference } from './compare-parts.ts';
import { hash } from './faults.ts';
import { openNasty } from './nasty.ts';
import { nastyOracle } from './nasty-oracle.ts';
import { generate } from './operations.ts';
import { drawCase } from './oracle.ts';
import { Random } from './random.ts';
import { sprinkle } from './sprinkle.ts';
import { type Case, operationNameOf, type Subject } from './subject.ts';

const CASES = Math.ceil(Number(process.env.HEM_ORACLE_CASES ?? 2000) / 2);
const SEED = Number(process.env.HEM_ORACLE_SEED ?? Math.floor(Math.random() * 1_000_000_000));
const MS_PER_CASE = 200;
const AT_ONCE = 6;

let nasty: Subject;
let bikeShare: BikeShare;
beforeAll(async () => {
  [nasty, bikeShare] = await Promise.all([openNasty(), startBikeShare()]);
});
afterAll(() => Promise.all([nasty, bikeShare].map((one) => one?.[Symbol.asyncDispose]())));

/** Runs cases until one fails, and says what they contained. */
async function consult(
  cases: number,
  judge: (seed: number, note: (feature: string) => void) => Promise<string | undefined>,
): Promise<string> {
  const features = new Map<string, number>();
  const note = (feature: string) => features.set(feature, (features.get(feature) ?? 0) + 1);
  const findings: string[] = [];
  let next = 0;
  const work = async () => {
    while (next < cases && findings.length === 0) {
      const seed = SEED + next++;
      const difference = await judge(seed, note).catch((error: unknown) => String(error));
      if (difference !== undefined) findings.push(`case ${seed}: ${difference}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const counts = [...features].sort().map(([name, count]) => `${name} ${count}`);
  console.log(`parts: seed ${SEED}, ${cases} cases\n  ${counts.join(' · ')}`);
  return findings.join('\n');
}

function noteParts(parts: readonly ReceivedPart[], note: (feature: string) => void): void {
  note(parts.length === 1 ? 'one part' : parts.length < 4 ? 'two or three parts' : 'more parts');
  if (parts.some(({ incremental = [] }) => incremental.some(({ subPath }) => subPath))) note('subPath');
  if (parts.some(({ completed = [] }) => completed.some(({ errors }) => errors))) note('a part that failed');
  if (parts.slice(1).some(({ pending }) => pending)) note('parts within parts');
}

test(`${CASES} operations over the test graph`, { timeout: 30_000 + CASES * MS_PER_CASE }, async () => {
  const { again: _again, ...plain } = nastyOracle(nasty) as ReturnType<typeof nastyOracle> & {
    again?: unknown;
  };
  const oracle = { ...plain, operations: [...new Array<'query'>(12).fill('query'), 'mutation' as const] };
  const findings = await consult(CASES, async (seed, note) => {
    const { one } = drawCase(oracle, seed);
    const { document, features } = sprinkle(
      nasty.views.get(one.view)!.schema,
      one.document,
      new Random(hash(`parts ${seed}`)),
    );
    for (const feature of features) note(feature);
    const sprinkled: Case = { ...one, document };
    const [asWritten, whole, reference, parts] = [
      await nasty.answer('compiled', one),
      await nasty.answer('compiled', sprinkled),
      await nasty.answer('reference', sprinkled),
      await nasty.answerInParts(sprinkled),
    ];
    noteParts(parts, note);
    const difference =
      differenceOf(whole, asWritten) ??
      differenceOf(whole, reference) ??
      partsDifference(mergeParts(parts), whole[0]!);
    return (
      difference && `${difference}\n${document}\n${JSON.stringify({ ...sprinkled, document: undefined })}`
    );
  });
  expect(findings).toBe('');
});

test('what is executed in parts does not count as not compiled', async () => {
  const before = nasty.notCompiled();
  const document = 'query { books(first: 2) { ... @defer { title } } }';
  const parts = await nasty.answerInParts({ view: 'whole', document, variables: {} });
  expect(parts.length).toBeGreaterThan(1);
  expect(nasty.notCompiled()).toBe(before);
});

const BIKE_SHARE_CASES = Math.ceil(CASES / 5);
const ACCEPTS = ['multipart/mixed;incrementalSpec=v0.2', 'text/event-stream'];

test(`${BIKE_SHARE_CASES} operations over the bike-share, from outside`, {
  timeout: 30_000 + BIKE_SHARE_CASES * MS_PER_CASE * 3,
}, async () => {
  const { gateway } = bikeShare;
  const views = new Map(gateway.gateway.generation.views.map((view) => [view.client.name, view]));
  const idsOf = (list: ReadonlyArray<{ readonly id: string }>) => list.slice(0, 4).map(({ id }) => id);
  const { stations, bikes, rides, riders, invoices } = DATA;
  const pool = {
    ids: [stations, bikes, rides, riders, invoices].flatMap(idsOf).concat('nobody'),
    texts: ['a', 'o', 'station'],
  };
  const findings = await consult(BIKE_SHARE_CASES, async (seed, note) => {
    const random = new Random(hash(`bike-share ${seed}`));
    const client = random.pick(['web', 'web', 'mobile', 'iot']);
    const { schema } = views.get(client)!;
    const operation = generate(schema, 'query', {
      random,
      pool,
      limits: { depth: 3, fields: 20, rootFields: 3 },
    });
    const { document, features } = sprinkle(schema, operation.document, random);
    const { variables } = operation;
    const operationName = operationNameOf(parse(document));
    const { body: whole } = await gateway.query(client, document, { variables, ...named(operationName) });
    if (whole.errors?.some(({ extensions }) => extensions.code === 'OPERATION_TOO_LARGE')) {
      note('too many parts');
      return undefined;
    }
    for (const feature of features) note(feature);
    const door = random.pick(['http', 'http', 'websocket']);
    const parts =
      door === 'http'
        ? await (
            await PartReader.open(gateway, document, {
              client,
              variables,
              accept: random.pick(ACCEPTS),
              operationName,
            })
          ).rest()
        : await overWebSocket(gateway, client, { query: document, variables, ...named(operationName) });
    note(door);
    noteParts(parts, note);
    const difference = partsDifference(mergeParts(parts), whole);
    return difference && `${difference}\n${document}\n${JSON.stringify({ client, variables })}`;
  });
  expect(findings).toBe('');
});

/** Documents with one operation go without a name. */
function named(operationName: string | undefined): { readonly operationName?: string } {
  return operationName === undefined ? {} : { operationName };
}

async function overWebSocket(
  gateway: TestGateway,
  client: string,
  payload: SubscribePayload,
): Promise<readonly ReceivedPart[]> {
  const socket = createClient({
    url: `${gateway.url.replace('http', 'ws')}/${client}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { headers: gateway.headers },
  });
  const parts: ReceivedPart[] = [];
  for await (const part of socket.iterate(payload)) parts.push(part as ReceivedPart);
  await socket.dispose();
  return parts;
}
