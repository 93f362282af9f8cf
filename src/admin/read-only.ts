/** What is only read: by GET, and by HEAD as by GET. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../doors/refusal.ts';

/** @throws {Refusal} METHOD_NOT_ALLOWED */
export function requireReading({ method }: Pick<IncomingMessage, 'method'>): void {
  if (method !== 'GET' && method !== 'HEAD')
    throw new Refusal('METHOD_NOT_ALLOWED', undefined, { allow: 'GET, HEAD' });
}
