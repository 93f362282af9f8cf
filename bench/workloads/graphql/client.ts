import type { JsonClient } from '../../contenders/json-client.ts';
import { query, type Ride, type Rides } from '../rides.ts';

/** The document is a constant; what comes back has the right shape already. */
export function ridesBy(backend: JsonClient): Rides {
  return async (riderId) => {
    const answer = await backend.post('/graphql', { query, variables: { riderId } });
    const { data, errors } = answer as {
      data?: { rides: Ride[] };
      errors?: ReadonlyArray<{ message: string }>;
    };
    if (errors !== undefined || data === undefined) throw new Error(errors?.[0]?.message ?? 'no data');
    return data.rides;
  };
}
