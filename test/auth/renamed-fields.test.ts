/** What a version of a plan excludes stays excluded for its subscribers, whatever later schemas call it. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { loadGeneration } from '../../src/generation.ts';
import { ViewMeanings } from '../../src/views/plan-meanings.ts';
import { writeConfiguration } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';

let backend: JsonBackend;
beforeAll(async () => {
  backend = await startJsonBackend(() => ({ id: '1', cost: 5, price: 7, title: 'Lamp', near: 'shop' }));
});
afterAll(() => backend[Symbol.asyncDispose]());

const connector = (tag: string) => `
type Query { item(id: ID!): Item @lookup @rest(get: "/items/{id}") }
type Item @key(fields: "id") { id: ID!  cost: Int @tag(name: "${tag}")  price: Int  title: String }`;
const view = (price: string, more = '') => `
type Query { item(id: ID!): Item }
type Item { id: ID!  cost: Int  ${price}  title: String  ${more} }`;
const plans = (...exclude: readonly string[]) =>
  JSON.stringify({
    plans: { free: { clients: ['web'], approval: 'automatic', fields: { exclude } } },
  });

const BEFORE = {
  'connectors/shop/schema.graphql': connector('money'),
  'schemas/web.graphql': view('price: Int'),
  'clients/plans.yml': plans('tag:money', 'Item.price'),
};
const AFTER = {
  'connectors/shop/schema.graphql': connector('billing'),
  'schemas/web.graphql': view('amount: Int @from(field: "price")'),
  'clients/plans.yml': plans('tag:billing', 'Item.amount'),
};

const files = (changing: Readonly<Record<string, string>>) => ({
  'hem.yml': 'log: { level: silent }\n',
  'connectors/shop/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
  'clients/web/client.yml': 'auth: { keys: {} }',
  ...changing,
});

async function start(directory: string) {
  const warnings: Array<Record<string, unknown>> = [];
  const stream = new Writable({
    write(line, _encoding, done) {
      warnings.push(JSON.parse(String(line)));
      done();
    },
  });
  const log = pino({ level: 'warn' }, stream);
  const gateway = await startGateway({ directory, environment: {}, port: 0, adminPort: 0, log });
  return { gateway, warnings, stop: () => gateway.stop() };
}

async function makeKey({ registry }: Gateway): Promise<string> {
  await registry!.consumers.ensure('acme');
  await registry!.subscriptions.ask('acme', 'free', 'operator');
  return (await registry!.keys.create({ consumer: 'acme', plan: 'free' }, 'operator')).key;
}

async function ask({ url }: Gateway, key: string, fields: string): Promise<string> {
  const response = await fetch(`${url}/web/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ query: `{ item(id: "1") { ${fields} } }` }),
  });
  return response.text();
}

test('for who is subscribed to it, after a restart with other names; the log tells of them', async () => {
  const directory = await writeConfiguration(files(BEFORE));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const before = await start(directory);
  const key = await makeKey(before.gateway);
  expect(await ask(before.gateway, key, 'cost price')).toContain('does not grant Item.cost, Item.price');
  expect(before.warnings).toEqual([]);
  await before.stop();

  for (const [path, content] of Object.entries(AFTER)) await writeFile(join(directory, path), content);
  const after = await start(directory);
  onTestFinished(after.stop);
  expect(await ask(after.gateway, key, 'cost amount')).toContain('does not grant Item.cost, Item.amount');
  expect(await ask(after.gateway, key, 'title')).toContain('Lamp');
  expect(after.warnings).toMatchObject(
    ['tag:money', 'Item.price'].map((selector) => ({
      ...{ plan: 'free', version: 1, selector, subscriptions: 1 },
      msg: expect.stringContaining('hem subscriptions move'),
    })),
  );
});

test('in a process that knows the earlier names only, under a version that was made with the later ones', async () => {
  const directory = await writeConfiguration(files(BEFORE));
  const later = await writeConfiguration(files(AFTER));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  onTestFinished(() => rm(later, { recursive: true, force: true }));
  const { gateway, stop } = await start(directory);
  onTestFinished(stop);
  const key = await makeKey(gateway);
  const { configuration, views } = await loadGeneration(later, {});
  const { plans, subscriptions } = gateway.registry!;
  await plans.sync(configuration.plans!.plans, new ViewMeanings(views));
  for (const { id } of subscriptions.list()) await subscriptions.move(id, 2);
  expect(await ask(gateway, key, 'cost price')).toContain('does not grant Item.cost, Item.price');
});

test('but a field that is granted under one name is not excluded by another name of it', async () => {
  const directory = await writeConfiguration(
    files({ ...BEFORE, 'schemas/web.graphql': view('price: Int', 'worth: Int @from(field: "price")') }),
  );
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const { gateway, stop } = await start(directory);
  onTestFinished(stop);
  const key = await makeKey(gateway);
  expect(await ask(gateway, key, 'worth')).toContain('7');
  expect(await ask(gateway, key, 'price')).toContain('does not grant Item.price');
});
