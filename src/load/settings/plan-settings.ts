/** `clients/plans.yml`: usage plans. What a consumer may use, and how much of it. */
import { z } from 'zod';
import { limitAsWritten, limitList } from './limit-settings.ts';

/** Coordinates (`Rider.balance`, `Query.*`), or tags (`tag:billing`). */
const selector = z.string().min(1).max(256);

const planSettings = z.strictObject({
  title: z.string().optional(),
  description: z.string().optional(),
  /** Who says yes to a consumer that asks for it. */
  approval: z.enum(['automatic', 'operator']).default('operator'),
  clients: z.array(z.string()).min(1),
  fields: z
    .strictObject({
      /** Nothing else, where it is set. */
      include: z.array(selector).min(1).optional(),
      exclude: z.array(selector).default([]),
    })
    .prefault({}),
  routes: z
    .strictObject({ include: z.array(selector).min(1).optional(), exclude: z.array(selector).default([]) })
    .prefault({}),
  /** What its keys may see where no user comes along. */
  scopes: z.array(z.string()).default([]),
  limits: limitList.default([]),
});

export const plansSettings = z.strictObject({
  plans: z.record(
    z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, { error: 'a name such as "partner"' }),
    planSettings,
  ),
});

export type PlanSettings = z.output<typeof planSettings>;

/** With durations as they stand in the file. */
export function planAsWritten(plan: PlanSettings) {
  return { ...plan, limits: plan.limits.map(limitAsWritten) };
}
