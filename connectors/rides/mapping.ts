/** What paths cannot express about records of the rides backend. */

/** How long a ride took as an ISO 8601 duration, "PT14M30S"; null while it is running. */
export function durationOf(ride: unknown): string | null {
  const { started_at: start, ended_at: end } = ride as { started_at?: unknown; ended_at?: unknown };
  if (typeof start !== 'string' || typeof end !== 'string') return null;
  const seconds = Math.round((Date.parse(end) - Date.parse(start)) / 1000);
  if (!Number.isFinite(seconds) || seconds < 0) return null;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = seconds % 60;
  const text = `${hours > 0 ? `${hours}H` : ''}${minutes > 0 ? `${minutes}M` : ''}${rest > 0 ? `${rest}S` : ''}`;
  return text === '' ? 'PT0S' : `PT${text}`;
}
