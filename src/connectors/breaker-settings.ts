/** When a connector's circuit opens: `resilience.breaker` of connector.yml. */
import { z } from 'zod';
import { duration } from '../units.ts';

export const breaker = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** Of the calls in the window, how many failed when it opens. */
    share: z.number({ error: 'a share, above 0 and at most 1' }).gt(0).max(1).default(0.5),
    /** Of fewer calls in the window nothing is concluded. */
    calls: z.int().min(1).max(1_000_000).default(20),
    window: duration.default(10_000),
    /** How long it stays open at first; then twice as long each time, up to `maxPause`. */
    pause: duration.default(1000),
    maxPause: duration.default(30_000),
    /** Calls that find out together whether the backend is back. */
    probes: z.int().min(1).max(100).default(1),
  })
  .refine(({ pause, maxPause }) => pause > 0 && pause <= maxPause, {
    path: ['pause'],
    error: 'more than 0 and at most "maxPause"',
  })
  .transform(({ enabled, share, calls, window, pause, maxPause, probes }) => ({
    ...{ enabled, share, calls, probes },
    windowMs: window,
    pauseMs: pause,
    maxPauseMs: maxPause,
  }))
  .prefault({});

export type BreakerSettings = z.output<typeof breaker>;
