import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery, printSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BikeShare, startBikeShare } from './bike-share.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

async function schemaOf(client: string) {
  const { body } = await bikeShare.gateway.query(client, getIntrospectionQuery());
  return buildClientSchema(body.data as unknown as IntrospectionQuery);
}

describe('introspection', () => {
  it('shows the app its own words and no others', async () => {
    const schema = await schemaOf('mobile');
    expect(Object.keys(schema.getQueryType()?.getFields() ?? {}).sort()).toEqual([
      'me',
      'nearby',
      'rider',
      'station',
      'trip',
    ]);
    const text = printSchema(schema);
    expect(text).toContain('type Trip {');
    for (const hidden of [
      'Ride',
      'Invoice',
      'Dock',
      'bikesAvailable',
      'lockKey',
      'MAINTENANCE',
      'serviceArea',
    ]) {
      expect(text).not.toMatch(new RegExp(`\\b${hidden}\\b`));
    }
  });

  it('shows devices slots and vehicles only', async () => {
    const schema = await schemaOf('iot');
    const text = printSchema(schema);
    expect(
      Object.keys(schema.getTypeMap())
        .filter((name) => !name.startsWith('__'))
        .sort(),
    ).toEqual(expect.arrayContaining(['Slot', 'SlotState', 'Vehicle', 'VehicleState']));
    for (const hidden of ['Station', 'Rider', 'Bike', 'Dock', 'Money', 'FAULTY'])
      expect(text).not.toContain(hidden);
  });

  it('shows the web application nearly everything, but nothing inaccessible, internal or of Hem itself', async () => {
    const text = printSchema(await schemaOf('web'));
    expect(text).toContain('union Drive = PedalDrive | ElectricDrive');
    expect(text).toContain('type Station implements Place');
    for (const hidden of [
      'serviceArea',
      'lockKey',
      'stationsById',
      'DockKey',
      '@from',
      '@rest',
      'directive @key',
      'FallbackValue',
      'DiscriminatorValue',
    ]) {
      expect(text).not.toContain(hidden);
    }
  });

  it('shows what lets parts of an answer come later, and prints it for tools that read the schema', async () => {
    const schema = await schemaOf('iot');
    const args = (name: string) => schema.getDirective(name)?.args.map(String).sort();
    expect(args('defer')).toEqual(['@defer(if:)', '@defer(label:)']);
    expect(args('stream')).toEqual(['@stream(if:)', '@stream(initialCount:)', '@stream(label:)']);
    const text = await (await bikeShare.gateway.fetch('/iot/schema.graphql')).text();
    expect(text).toMatch(
      /directive @defer\([^)]*if: Boolean! = true[^)]*\) on FRAGMENT_SPREAD \| INLINE_FRAGMENT/,
    );
    expect(text).toMatch(/directive @stream\([^)]*initialCount: Int! = 0[^)]*\) on FIELD/);
  });

  it('inherits descriptions from the connectors', async () => {
    const schema = await schemaOf('web');
    expect(schema.getType('Station')?.description).toBe('Where bikes are taken and returned.');
  });

  it('does not let a client ask for what only others see, nor suggest it', async () => {
    const { status, body } = await bikeShare.gateway.query('iot', '{ rider(id: "rd-01") { name } }');
    expect(status).toBe(400);
    expect(body.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    const inaccessible = await bikeShare.gateway.query('web', '{ station(id: "st-01") { serviceArea } }');
    expect(inaccessible.status).toBe(400);
    const wrong = await bikeShare.gateway.query('mobile', '{ station(id: "st-01") { bikesAvailabl } }');
    expect(JSON.stringify(wrong.body)).not.toContain('bikesAvailable"');
  });
});
