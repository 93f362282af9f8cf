import type { ContenderName } from '../../workload.ts';

export { query, variables } from '../rides.ts';

export const without: Partial<Record<ContenderName, string>> = {};
