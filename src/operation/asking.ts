/** How callers ask for the plan and the time line of an operation, where client.yml says that they may. */
import type { Request } from './request.ts';

/** The header is for whole requests, batches and sockets; the extension for one operation. */
const HEADER = 'hem-plan';
const EXTENSION = 'plan';

export function asksForPlan(
  extensions: Readonly<Record<string, unknown>> | null | undefined,
  { headers }: Pick<Request, 'headers'>,
): boolean {
  const own = extensions?.[EXTENSION];
  if (typeof own === 'boolean') return own;
  const header = headers[HEADER];
  return header === '1' || header === 'true';
}
