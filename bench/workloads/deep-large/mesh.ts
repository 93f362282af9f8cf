import { query as plain } from './operation.ts';

/** Mesh keeps the backend's names. */
export const query = plain.replace('batteryPercent', 'batteryPercent: battery_percent');

export function normalise(data: unknown): unknown {
  return data;
}
