/** The shapes of hem.yml and client.yml. */
import { z } from 'zod';
import { byteSize, duration } from '../../units.ts';
import { authSettings } from './auth-settings.ts';
import { cacheSettings } from './cache-settings.ts';
import { limitList } from './limit-settings.ts';
import { tlsSettings, trustedProxies } from './listener-settings.ts';
import { logSettings } from './log-settings.ts';
import { metricsSettings, usageSettings } from './metrics-settings.ts';
import { keySettings } from './pepper-settings.ts';
import { storeSettings } from './store-settings.ts';
import { telemetrySettings } from './telemetry-settings.ts';

const count = z.int().min(1).max(10_000_000);

/** What one operation may cost the gateway before any backend is asked. */
const operationLimits = {
  /** An operation that has not answered by then answers what it has. */
  deadline: duration,
  bodyBytes: byteSize,
  /** Lexical tokens of a document. */
  tokens: count,
  /** Levels of nested selections, fragments expanded. */
  depth: count,
  /** Selected fields, fragments expanded. */
  fields: count,
  /** Root fields, fragments expanded. */
  rootFields: count,
  /** Directives on one document. */
  directives: count,
  /** Fragments that are deferred and lists that are streamed, fragments expanded; each one inside a list counts as ten. */
  deferred: count,
  /** Levels of nested lists and objects in variables. */
  variablesDepth: count,
  /** Fields of objects and items of lists in an answer. */
  values: count,
} satisfies Record<string, z.ZodType>;

const optionalLimits = Object.fromEntries(
  Object.entries(operationLimits).map(([name, schema]) => [name, schema.optional()]),
) as {
  [Name in keyof typeof operationLimits]: z.ZodOptional<(typeof operationLimits)[Name]>;
};

export interface OperationLimits {
  readonly deadlineMs: number;
  readonly bodyBytes: number;
  readonly tokens: number;
  readonly depth: number;
  readonly fields: number;
  readonly rootFields: number;
  readonly directives: number;
  readonly deferred: number;
  readonly variablesDepth: number;
  readonly values: number;
}

const DEFAULT_LIMITS: OperationLimits = {
  deadlineMs: 10_000,
  bodyBytes: 1024 ** 2,
  tokens: 10_000,
  depth: 20,
  fields: 2000,
  rootFields: 50,
  directives: 100,
  deferred: 100,
  variablesDepth: 50,
  values: 500_000,
};

/** To node:http nothing is for ever. */
const wait = duration.refine((ms) => ms > 0, { error: 'a duration that is longer than nothing' });

/** An empty one would be every address of the machine. */
const host = z
  .string()
  .refine((text) => text !== '', {
    error: 'an address or a name; 0.0.0.0 and :: stand for all of the machine',
  })
  .default('127.0.0.1');

export const hemSettings = z.strictObject({
  /** The public listener. */
  listen: z
    .strictObject({
      host,
      port: z.int().min(0).max(65_535).default(4000),
      /** How long a request's headers may take, and a websocket's first message. */
      headersTimeout: wait.default(10_000),
      /** How long a whole request may take to arrive. */
      requestTimeout: wait.default(30_000),
      /** Without it callers speak plain HTTP, as behind a proxy or a sidecar that does TLS. */
      tls: tlsSettings.optional(),
    })
    .prefault({}),
  /** Whose word counts on who called them. */
  trustedProxies,
  /** Health, readiness and the whole graph, for operators. */
  admin: z
    .strictObject({
      host,
      port: z.int().min(0).max(65_535).default(4001),
      /** Made at the first start, readable by its owner only. Relative to the configuration directory. */
      tokenFile: z.string().default('.hem/admin-token'),
    })
    .prefault({}),
  /** Keys, what was used of limits, caches, and who used what. */
  store: storeSettings,
  /** What keys are hashed with. */
  keys: keySettings.prefault({}),
  limits: z.strictObject({ ...optionalLimits, subscriptionsPerSocket: count.default(100) }).prefault({}),
  /** Of all clients together; plans and clients have their own. */
  quotas: limitList.default([]),
  metrics: metricsSettings,
  /** Who used what, per consumer and field. */
  usage: usageSettings,
  log: logSettings,
  telemetry: telemetrySettings,
  /** How long requests in flight may take after a signal to stop. */
  shutdown: z.strictObject({ grace: duration.default(10_000) }).prefault({}),
});

export type HemSettings = z.output<typeof hemSettings>;

export const clientSettings = z.strictObject({
  description: z.string().optional(),
  /** How callers become known, and what is answered to those who are not. Without it all are unknown. */
  auth: authSettings.optional(),
  /** Whether the schema may be read through introspection and as schema.graphql. Off, suggestions in errors are off, too. */
  introspection: z.boolean().default(true),
  /** Serves the GraphiQL page to browsers. */
  graphiql: z.boolean().default(false),
  /** Whether callers may ask how an operation is executed: it names backends and their calls, so it is for development. */
  explain: z.boolean().default(false),
  /** Several operations in one request; off unless set. */
  batching: z.strictObject({ max: z.int().min(1).max(100) }).optional(),
  /** GraphQL multipart requests; off unless set. */
  uploads: z
    .strictObject({
      maxFiles: z.int().min(1).max(100).default(4),
      maxFileBytes: byteSize.default(5 * 1024 ** 2),
    })
    .optional(),
  /** Web pages of which origins may call this client; none unless set. */
  cors: z.strictObject({ origins: z.array(z.string()).min(1) }).optional(),
  /** Whether callers may keep answers, and whether the gateway does; off unless set. */
  cache: cacheSettings.optional(),
  /** Which engine executes operations; the reference engine is the slow and simple one, for comparing and in case of doubt. */
  engine: z.enum(['compiled', 'reference']).default('compiled'),
  limits: z.strictObject(optionalLimits).prefault({}),
  /** Of all callers of this client; plans have their own. */
  quotas: limitList.default([]),
  /** What operations cost, by the weights in schemas. */
  cost: z
    .strictObject({
      /** How long lists are taken to be of which no schema says it. */
      listSize: z.int().min(0).max(1_000_000).default(10),
      /** What one operation may cost at most; no limit unless set. */
      maximum: z.int().min(0).max(1e15).optional(),
      /** Whether lists that came longer than they were taken to be are charged for. */
      chargeExcess: z.boolean().default(false),
    })
    .prefault({}),
});

export type ClientSettings = z.output<typeof clientSettings>;

/** The client's own limits over those of hem.yml over the defaults. */
export function limitsOf(hem: HemSettings, client?: ClientSettings): OperationLimits {
  const { deadline, ...limits } = {
    ...defined(hem.limits),
    ...defined(client?.limits ?? {}),
  } as ClientSettings['limits'];
  return {
    ...DEFAULT_LIMITS,
    ...(limits as Partial<OperationLimits>),
    ...(deadline === undefined ? {} : { deadlineMs: deadline }),
  };
}

function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
