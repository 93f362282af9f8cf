/**
 * Records in Redis, on a connection of their own: reading them all at the start must not hold up those who decide limits.
 *
 * A Redis that comes back without its data, or with older data after a fail-over, is told what this process knows: whoever has the
 * newer version of a record puts it back, and then all read everything anew. As versions may have been given twice by then, that
 * is done after every new connection. The same where Redis has evicted some of it; what lacks records that nobody knows replaces nothing.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/settings/store-settings.ts';
import type { RecordDriver } from '../followed-records.ts';
import type { RecordWrite } from '../record-store.ts';
import { RecordTables } from '../record-tables.ts';
import { RedisLink } from './link.ts';
import type { RecordCopy } from './record-copy.ts';
import { RECORD_SCRIPTS } from './record-scripts.ts';

/** No client's request waits for these commands. */
const COMMAND_MS = 2000;
/** How long a start waits for the connection. */
const CONNECT_MS = 1000;
/** Records per command. */
const PAGE = 500;
/** Where records are missing that nobody knows, it changes little to give back all others again. */
const GIVE_BACK_MS = 10_000;

type Read = readonly [
  epoch: string,
  revision: number,
  writer: string,
  isWhole: 0 | 1,
  names?: readonly string[],
  rows?: readonly string[],
];
type Restored = readonly [epoch: string, writer: string];
type Script = (...args: readonly (string | number)[]) => Promise<unknown>;

export class RedisRecords implements RecordDriver {
  readonly #link: RedisLink;
  readonly #copy: RecordCopy;
  readonly #log: Logger;
  readonly #keys: readonly string[];
  #waited = false;
  /** After each connection it is compared as a whole: it may be another server, which was behind. */
  #isOther = true;
  /** Which history this process has read: it writes to no other. */
  #epoch = '';
  /** Whose writes were compared as a whole: where a replica has taken over, without a new connection, some may have been lost. */
  #writer = '';
  /** When what is known is given back again, to a store that lacks more than that. */
  #giveBackAt = 0;

  constructor(settings: RedisSettings, copy: RecordCopy, log: Logger) {
    this.#link = new RedisLink({ ...settings, timeout: COMMAND_MS }, log);
    for (const [name, lua] of Object.entries(RECORD_SCRIPTS))
      this.#link.client.defineCommand(name, { numberOfKeys: 3, lua });
    for (const event of ['ready', '+node'])
      this.#link.client.on(event, () => {
        this.#isOther = true;
      });
    this.#copy = copy;
    this.#log = log;
    // What stands in braces decides where a Cluster keeps them: all in one place.
    this.#keys = ['rows', 'order', 'head'].map((name) => `{${settings.prefix}:records}:${name}`);
  }

  async refresh(tables: RecordTables): Promise<void> {
    await this.#connected();
    const isOther = this.#isOther;
    this.#isOther = false;
    try {
      const outcome = isOther ? 'other' : await this.#read(tables, this.#writer);
      if (outcome === 'incomplete' && performance.now() < this.#giveBackAt) throw new Incomplete(this.#keys);
      if (outcome !== 'read') this.#writer = await this.#readAnew(tables);
    } catch (error) {
      // What lacks records has been compared all the same.
      if (!(error instanceof Incomplete)) this.#isOther ||= isOther;
      throw error;
    }
    this.#epoch = tables.epoch;
  }

  async write(writes: readonly RecordWrite[]): Promise<number | undefined> {
    const args = writes.flatMap(({ table, id, version, value }) => [
      nameOf(table, id),
      version,
      toText(value),
    ]);
    const first = await this.#run('hemRecordsWrite', this.#epoch, ...args);
    return first === null ? undefined : Number(first);
  }

  async mark(table: string, times: ReadonlyMap<string, number>): Promise<void> {
    const pairs = [...times].flatMap(([id, at]) => [id, String(at)]);
    for (let index = 0; index < pairs.length; index += 2 * PAGE)
      await this.#link.client.hset(this.#marksKey(table), ...pairs.slice(index, index + 2 * PAGE));
  }

  async marks(table: string): Promise<ReadonlyMap<string, number>> {
    const all = await this.#link.client.hgetall(this.#marksKey(table));
    return new Map(Object.entries(all).map(([id, at]) => [id, Number(at)]));
  }

  keep(tables: RecordTables): void {
    this.#copy.keep(tables);
  }

  async close(): Promise<void> {
    this.#copy.close();
    await this.#link[Symbol.asyncDispose]();
  }

  /** The first time it waits for the connection, after that it does not. @throws {Error} without one */
  async #connected(): Promise<void> {
    const until = performance.now() + (this.#waited ? 0 : CONNECT_MS);
    this.#waited = true;
    while (!this.#link.isWhole && performance.now() < until) await sleep(10);
    if (!this.#link.isUp) throw new Error('not connected to Redis');
  }

  /** @returns whose writes they are */
  async #readAnew(tables: RecordTables): Promise<string> {
    const anew = new RecordTables();
    const [epoch, writer] = await this.#restore(tables);
    anew.epoch = epoch;
    // Another process may have put something back meanwhile, or another server be the first: then it is the next time that succeeds.
    const outcome = await this.#read(anew, writer);
    if (outcome === 'other') throw changed();
    if (outcome === 'incomplete') {
      this.#giveBackAt = performance.now() + GIVE_BACK_MS;
      throw new Incomplete(this.#keys);
    }
    tables.replaceBy(anew);
    return writer;
  }

  /** `other`: another history or writer, or not all that is known of it. `incomplete`: some records are gone. */
  async #read(tables: RecordTables, expected: string): Promise<'read' | 'other' | 'incomplete'> {
    for (;;) {
      const args = [tables.epoch, tables.revision, PAGE];
      const answer = (await this.#run('hemRecordsRead', ...args)) as Read;
      const [epoch, revision, writer, isWhole, names = [], rows = []] = answer;
      if (isWhole === 0) return 'incomplete';
      if (writer !== expected || epoch === '' || epoch !== tables.epoch) return 'other';
      if (revision < tables.revision) return 'other';
      names.forEach((name, index) => {
        const text = rows[index]!;
        const colon = text.indexOf(':');
        const slash = name.indexOf('/');
        const version = Number(text.slice(0, colon));
        const json = text.slice(colon + 1);
        const value: unknown = json === '' ? undefined : JSON.parse(json);
        tables.apply({ table: name.slice(0, slash), id: name.slice(slash + 1), version, value });
        tables.revision = version;
      });
      if (names.length < PAGE) {
        tables.revision = revision;
        return 'read';
      }
    }
  }

  /** @returns the name of the history that all follow from now on, and who has written it. @throws when that changes meanwhile */
  async #restore(tables: RecordTables): Promise<Restored> {
    const rows = tables.rows();
    const fresh = newEpoch();
    let restored: Restored | undefined;
    for (let index = 0; index === 0 || index < rows.length; index += PAGE) {
      const args = rows
        .slice(index, index + PAGE)
        .flatMap(({ table, id, version, value }) => [nameOf(table, id), version, toText(value)]);
      const isLast = index + PAGE < rows.length ? 0 : 1;
      const given = [fresh, rows.length, isLast, ...args];
      const [epoch, writer] = (await this.#run('hemRecordsRestore', ...given)) as Restored;
      if (restored !== undefined && restored[1] !== writer) throw changed();
      restored = [epoch, writer];
    }
    if (restored![0] === fresh && rows.length > 0)
      this.#log.warn('the store was not as it had been; put back what it lacked');
    return restored!;
  }

  #run(name: keyof typeof RECORD_SCRIPTS, ...args: readonly (string | number)[]): Promise<unknown> {
    const client = this.#link.client as unknown as Readonly<Record<string, Script>>;
    return client[name]!(...this.#keys, ...args);
  }

  #marksKey(table: string): string {
    return `${this.#keys[2]}:${table}`;
  }
}

function changed(): Error {
  return new Error('the history of the store has changed while it was read');
}

/** Records are gone, and more than this process knows. */
class Incomplete extends Error {
  constructor([, order, head]: readonly string[]) {
    super(
      `the store has lost records that this process does not know; if no other does, "redis-cli DEL ${order}" and "redis-cli HDEL ${head} count" take what is left for all`,
    );
  }
}

/** Names of tables have no slash. */
function nameOf(table: string, id: string): string {
  return `${table}/${id}`;
}

function toText(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value);
}

function newEpoch(): string {
  return randomBytes(12).toString('base64url');
}
