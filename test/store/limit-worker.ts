/**
 * A process of its own that uses limits: `node limit-worker.ts '<JSON>'`. Writes a line of JSON when it begins and one when it ends;
 * ends by itself, or runs until it is killed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { storeSettings } from '../../src/load/settings/store-settings.ts';
import type { LimitRule } from '../../src/store/limit-store.ts';
import { openStore } from '../../src/store/open.ts';

export interface Work {
  readonly store: unknown;
  readonly root: string;
  readonly rules: readonly LimitRule[];
  readonly partition: string;
  readonly callers: number;
  /** Of each caller. */
  readonly turns: number;
  readonly pauseMs: number;
  /** What runs is settled. */
  readonly settles: boolean;
  /** Writes the number admitted after every one, before it is used. */
  readonly tells: boolean;
  readonly ends: boolean;
}

const work = JSON.parse(process.argv[2] ?? '{}') as Work;
const store = await openStore(storeSettings.parse(work.store), work.root, pino({ level: 'silent' }));
const limits = store.limits();
const demands = work.rules.map((rule) => ({ rule, partition: work.partition, amount: 1 }));
const result = { admitted: 0, refused: 0, byProcess: 0 };
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

await limits.reserve(demands.map((demand) => ({ ...demand, amount: 0 })));
say('begins');
await Promise.all(
  Array.from({ length: work.callers }, async () => {
    for (let turn = 0; turn < work.turns; turn++) {
      const reservation = await limits.reserve(demands);
      if (reservation.admitted) result.admitted++;
      else result.refused++;
      if (reservation.decidedBy === 'process') result.byProcess++;
      if (work.tells) say(result);
      await sleep(work.pauseMs);
      if (work.settles) reservation.settle([]);
    }
  }),
);
if (!work.ends) await new Promise(() => setInterval(() => {}, 1000));
await store[Symbol.asyncDispose]();
say(result);
