/** What requests to the API bring along. */
import { z } from 'zod';
import { IMPORT_ALGORITHMS } from '../consumers/ledger.ts';
import { duration } from '../units.ts';
import { PAGE } from './api-route.ts';

const name = z.string().min(1).max(63);
const text = z.string().max(200);

/** What every new key may say, whoever makes it. */
const key = {
  plan: name,
  environment: z.enum(['live', 'test']).optional(),
  label: text.optional(),
  clients: z.array(name).min(1).max(50).optional(),
  /** "90d", or a day. */
  expires: z.string().max(40).optional(),
};
/** Makes it a publishable one. */
const origins = z.array(z.string().max(200)).min(1).max(20).optional();
const STATES = ['pending', 'approved', 'denied', 'cancelled'] as const;

export const SHAPES = {
  consumer: z.strictObject({ name, title: text.optional() }),
  subscription: z.strictObject({ consumer: name, plan: name }),
  ownSubscription: z.strictObject({ plan: name }),
  decision: z.strictObject({ reason: text.optional() }),
  move: z.strictObject({ version: z.int().min(1).max(1_000_000).optional() }),
  key: z.strictObject({ consumer: name, ...key, origins }),
  ownKey: z.strictObject({ ...key, origins }),
  imported: z.strictObject({
    consumer: name,
    ...key,
    algorithm: z.enum(IMPORT_ALGORITHMS),
    hash: z.string().max(128),
    prefix: z.string().max(64).optional(),
  }),
  rotation: z.strictObject({ overlap: duration.optional(), expires: z.string().max(40).optional() }),
  page: z.strictObject(PAGE),
  subscriptionsWanted: z.strictObject({
    ...PAGE,
    consumer: name.optional(),
    plan: name.optional(),
    state: z.enum(STATES).optional(),
  }),
  keysWanted: z.strictObject({ ...PAGE, consumer: name.optional(), plan: name.optional() }),
};
