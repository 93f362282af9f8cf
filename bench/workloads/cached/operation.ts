import type { ContenderName, Variables } from '../../workload.ts';
import { stationId } from '../stations.ts';

export { query } from '../two-rest-calls/operation.ts';

/** The same for all: what is measured is an answer that is there. */
export function variables(): Variables {
  return { id: stationId(0) };
}

const KEEPS_NOTHING = 'asks its backends each time';

export const without: Partial<Record<ContenderName, string>> = {
  'by-hand-dispatch': KEEPS_NOTHING,
  yoga: KEEPS_NOTHING,
  stitched: KEEPS_NOTHING,
  hive: KEEPS_NOTHING,
};
