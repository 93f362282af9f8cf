/** Debian's etcd, with the protos that its own clients use: unary calls, errors, and Watch, a stream both ways. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plainView } from '../support/backends/grpc/shapes-gateway.ts';
import { type GraphQLBody, startGatewayIn, type TestGateway } from '../support/gateway.ts';

const SCHEMA = /* GraphQL */ `
  type Query {
    entry(key: Bytes!): Entry @lookup @grpc(method: "etcdserverpb.KV/Range", select: "kvs[0]")
    range(key: Bytes!, rangeEnd: Bytes, limit: BigInt, revision: BigInt, sortOrder: SortOrder): Range
      @grpc(method: "etcdserverpb.KV/Range")
    version: String @grpc(method: "etcdserverpb.Maintenance/Status", select: "version")
    users: [String!] @grpc(method: "etcdserverpb.Auth/UserList")
  }
  type Mutation {
    put(key: Bytes!, value: Bytes, lease: BigInt, prevKv: Boolean): Put @grpc(method: "etcdserverpb.KV/Put")
    delete(key: Bytes!): BigInt @grpc(method: "etcdserverpb.KV/DeleteRange", select: "deleted")
    grant(ttl: BigInt!): Lease @grpc(method: "etcdserverpb.Lease/LeaseGrant", args: "{ TTL: $ttl }")
    swap(key: Bytes!, from: Bytes!, to: Bytes!): Boolean
      @grpc(
        method: "etcdserverpb.KV/Txn"
        args: """
        {
          compare: [{ key: $key, target: VALUE, result: EQUAL, value: $from }]
          success: [{ requestPut: { key: $key, value: $to } }]
        }
        """
        select: "succeeded"
      )
  }
  type Subscription {
    changes(key: Bytes!, rangeEnd: Bytes): Changes
      @grpc(
        method: "etcdserverpb.Watch/Watch"
        args: "{ createRequest: { key: $key, rangeEnd: $rangeEnd, prevKv: true } }"
      )
  }
  type Entry @key(fields: "key") {
    key: Bytes!
    value: Bytes!
    version: BigInt!
    createRevision: BigInt!
    modRevision: BigInt!
    lease: BigInt!
  }
  type Range {
    entries: [Entry!]! @from(path: "kvs")
    more: Boolean!
    count: BigInt!
    revision: BigInt! @from(path: "header.revision")
  }
  type Put {
    previous: Entry @from(path: "prevKv")
  }
  type Lease {
    id: BigInt! @from(path: "ID")
    ttl: BigInt! @from(path: "TTL")
  }
  type Changes {
    created: Boolean!
    events: [Change!]!
  }
  type Change {
    type: ChangeType!
    entry: Entry @from(path: "kv")
    previous: Entry @from(path: "prevKv")
  }
  enum ChangeType {
    PUT
    DELETE
  }
  enum SortOrder {
    NONE
    ASCENDING @from(value: "ASCEND")
    DESCENDING @from(value: "DESCEND")
  }
`;

/** Keys of this run alone: the etcd may be shared. */
const PREFIX = `hem-test-${process.pid}-${Date.now()}/`;
const bytes = (text: string) => Buffer.from(text).toString('base64');
const key = (name: string) => bytes(PREFIX + name);

describe('etcd', () => {
  let directory: string;
  let gateway: TestGateway;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hem-etcd-'));
    cpSync(join(import.meta.dirname, '../fixtures/etcd'), join(directory, 'connectors/etcd'), {
      recursive: true,
    });
    const { host } = new URL(process.env.HEM_TEST_ETCD_URL!);
    const files = {
      'connectors/etcd/connector.yml': `kind: grpc\nendpoint: grpc://${host}\nproto: rpc.proto\nerrors: { detail: public }\n`,
      'connectors/etcd/schema.graphql': SCHEMA,
      'schemas/web.graphql': plainView(SCHEMA),
      'clients/web/client.yml': '{}',
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    gateway = await startGatewayIn(directory);
  });

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  async function query(document: string, variables: Record<string, unknown> = {}): Promise<GraphQLBody> {
    return (await gateway.query('web', document, { variables })).body;
  }

  async function put(name: string, value: string): Promise<void> {
    const body = await query(
      'mutation ($key: Bytes!, $value: Bytes) { put(key: $key, value: $value) { previous { key } } }',
      {
        key: key(name),
        value: bytes(value),
      },
    );
    expect(body.errors).toBeUndefined();
  }

  test('says its version', async () => {
    expect((await query('{ version users }')).data).toEqual({
      version: expect.stringMatching(/^3\.\d+\.\d+$/),
      users: [],
    });
  });

  test('puts, gives and deletes', async () => {
    await put('a', 'one');
    const document =
      'query ($key: Bytes!) { entry(key: $key) { key value version createRevision modRevision lease } }';
    const { data } = await query(document, { key: key('a') });
    expect(data.entry).toMatchObject({ key: key('a'), value: bytes('one'), version: '1', lease: '0' });
    expect(data.entry.createRevision).toBe(data.entry.modRevision);
    expect(
      (
        await query('mutation ($key: Bytes!) { delete(key: $key) again: delete(key: $key) }', {
          key: key('a'),
        })
      ).data,
    ).toEqual({ delete: '1', again: '0' });
    expect(await query(document, { key: key('a') })).toEqual({ data: { entry: null } });
  });

  test('ranges, in order, with limits', async () => {
    for (const name of ['r/1', 'r/2', 'r/3']) await put(name, name);
    const { data } = await query(
      'query ($key: Bytes!, $rangeEnd: Bytes) { range(key: $key, rangeEnd: $rangeEnd, limit: 2, sortOrder: DESCENDING) { count more revision entries { key value } } }',
      { key: key('r/'), rangeEnd: key('r0') },
    );
    expect(data.range).toMatchObject({ count: '3', more: true, revision: expect.stringMatching(/^\d+$/) });
    expect(data.range.entries).toEqual([
      { key: key('r/3'), value: bytes('r/3') },
      { key: key('r/2'), value: bytes('r/2') },
    ]);
  });

  test('leases have ids of 64 bits, and swapping compares', async () => {
    const { grant } = (await query('mutation { grant(ttl: 60) { id ttl } }')).data;
    expect(grant.ttl).toBe('60');
    expect(BigInt(grant.id)).toBeGreaterThan(2n ** 53n);
    const document =
      'mutation ($key: Bytes!, $value: Bytes, $lease: BigInt) { put(key: $key, value: $value, lease: $lease, prevKv: true) { previous { value lease } } }';
    await query(document, { key: key('l'), value: bytes('x'), lease: grant.id });
    expect((await query(document, { key: key('l'), value: bytes('y') })).data.put.previous).toEqual({
      value: bytes('x'),
      lease: grant.id,
    });
    const swap =
      'mutation ($key: Bytes!, $from: Bytes!, $to: Bytes!) { swap(key: $key, from: $from, to: $to) }';
    expect((await query(swap, { key: key('l'), from: bytes('y'), to: bytes('z') })).data.swap).toBe(true);
    expect((await query(swap, { key: key('l'), from: bytes('y'), to: bytes('z') })).data.swap).toBe(false);
  });

  test.each([
    [
      'range(key: "YQ==", revision: "999999999999") { count }',
      'OUT_OF_RANGE',
      'UPSTREAM_REJECTED',
      'etcdserver: mvcc: required revision is a future revision',
    ],
    ['range(key: "") { count }', 'INVALID_ARGUMENT', 'UPSTREAM_REJECTED', 'etcdserver: key is not provided'],
  ])('refuses { %s }', async (field, status, code, message) => {
    const body = await query(`{ ${field} version }`);
    expect(body.data.version).not.toBeNull();
    expect(body.errors).toMatchObject([
      { path: ['range'], extensions: { code, status, connector: 'etcd', detail: { message } } },
    ]);
  });

  test('a lease that does not exist', async () => {
    const body = await query(
      'mutation ($key: Bytes!) { put(key: $key, lease: 12345) { previous { key } } }',
      { key: key('n') },
    );
    expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_NOT_FOUND', status: 'NOT_FOUND' } }]);
  });

  test('tells changes as they happen', async () => {
    const events = gateway.subscribe(
      'web',
      'subscription ($key: Bytes!, $rangeEnd: Bytes) { changes(key: $key, rangeEnd: $rangeEnd) { created events { type entry { key value version } previous { value } } } }',
      { variables: { key: key('w/'), rangeEnd: key('w0') } },
    );
    expect((await next(events)).data.changes).toEqual({ created: true, events: [] });
    await put('w/1', 'one');
    expect((await next(events)).data.changes.events).toEqual([
      { type: 'PUT', entry: { key: key('w/1'), value: bytes('one'), version: '1' }, previous: null },
    ]);
    await put('elsewhere', 'unseen');
    await put('w/1', 'two');
    expect((await next(events)).data.changes.events).toEqual([
      {
        type: 'PUT',
        entry: { key: key('w/1'), value: bytes('two'), version: '2' },
        previous: { value: bytes('one') },
      },
    ]);
    await query('mutation ($key: Bytes!) { delete(key: $key) }', { key: key('w/1') });
    expect((await next(events)).data.changes.events).toEqual([
      {
        type: 'DELETE',
        entry: { key: key('w/1'), value: '', version: '0' },
        previous: { value: bytes('two') },
      },
    ]);
    await events.return?.();
  });
});

async function next(events: AsyncIterator<GraphQLBody>): Promise<GraphQLBody> {
  const timeout = delay(10_000).then(() => {
    throw new Error('no event within ten seconds');
  });
  const { value } = await Promise.race([events.next(), timeout]);
  expect(value.errors).toBeUndefined();
  return value;
}
