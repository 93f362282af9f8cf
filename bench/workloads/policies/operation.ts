import type { ContenderName } from '../../workload.ts';

export { query, variables } from '../two-rest-calls/operation.ts';

/** Of which plan Hem's callers have a key. */
export const plan = 'partner';

/** What all policies together cost Hem. */
export const compared = ['hem', 'hem-plain'] as const;

const NO_POLICIES = 'knows neither keys nor limits';

export const without: Partial<Record<ContenderName, string>> = {
  'by-hand-dispatch': NO_POLICIES,
  yoga: NO_POLICIES,
  stitched: NO_POLICIES,
  hive: NO_POLICIES,
};
