export { query } from '../rides.ts';

export function normalise(data: unknown): unknown {
  return data;
}
