/** The body of a POST to the API. */
import { isUtf8 } from 'node:buffer';
import type { BodyMessage } from '../doors/body-message.ts';
import { parseJson } from '../doors/json.ts';
import { parseContentType } from '../doors/media-type.ts';
import { Refusal } from '../doors/refusal.ts';

/**
 * It has to say that it is JSON even when it is empty: pages of other sites cannot say so, and a browser may remember the operators'
 * password. @throws {Refusal} BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, BAD_REQUEST
 */
export async function readJsonBody(message: BodyMessage, maxBytes: number): Promise<unknown> {
  const body = await message.readBody(maxBytes);
  if (parseContentType(message.headers['content-type'])?.type !== 'application/json')
    throw new Refusal('UNSUPPORTED_MEDIA_TYPE', 'A POST is application/json, also when its body is empty.');
  if (!isUtf8(body)) throw new Refusal('BAD_REQUEST', 'The body is not UTF-8.');
  return body.length === 0 ? {} : parseJson(body.toString('utf8'), 'The body');
}
