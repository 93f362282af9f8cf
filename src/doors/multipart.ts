/** GraphQL multipart requests: operations, a map, and the files that the map puts into variables. */

import { isObject } from '../json-object.ts';
import type { ClientSettings } from '../load/settings/settings.ts';
import { parseJson } from './json.ts';
import type { ContentType } from './media-type.ts';
import { Refusal } from './refusal.ts';

type Uploads = NonNullable<ClientSettings['uploads']>;

/** `operations` and `map` stand beside the files. */
const PARTS_BESIDE_FILES = 2;

/**
 * The operations, with files in the places that the map names.
 * @param maxBytes of `operations` and of `map` @throws {Refusal}
 */
export async function readMultipart(
  body: Buffer,
  contentType: ContentType,
  { maxFiles, maxFileBytes }: Uploads,
  maxBytes: number,
): Promise<unknown> {
  const boundary = contentType.parameters.get('boundary');
  if (boundary === undefined) throw bad('The multipart request has no boundary.');
  checkPartCount(body, boundary, maxFiles);
  const form = await parseForm(body, contentType.type, boundary);
  const operations = parseJson(textOf(form, 'operations', maxBytes), '"operations"');
  const map = parseJson(textOf(form, 'map', maxBytes), '"map"');
  if (!isObject(map)) throw bad('"map" is not an object.');
  const names = Object.keys(map);
  if (names.length > maxFiles) throw tooManyFiles(maxFiles);
  let placed = 0;
  for (const name of names) {
    const [file, another] = form.getAll(name);
    if (!(file instanceof File) || another !== undefined)
      throw bad('"map" names a file that is not there once.');
    if (file.size > maxFileBytes) throw new Refusal('BODY_TOO_LARGE', 'A file is too large.');
    const paths: unknown = map[name];
    if (!Array.isArray(paths)) throw bad('"map" has no list of paths for a file.');
    placed += paths.length;
    // The same file may stand in several places, but not in any number of them.
    if (placed > maxFiles) throw tooManyFiles(maxFiles);
    for (const path of paths) placeFile(operations, path, file);
  }
  const unmapped = [...form.keys()].some(
    (key) => key !== 'operations' && key !== 'map' && !names.includes(key),
  );
  if (unmapped) throw bad('There is a part that "map" does not name.');
  return operations;
}

/** Before parsing: a body of nothing but boundaries would cost more than its bytes. */
function checkPartCount(body: Buffer, boundary: string, maxFiles: number): void {
  const delimiter = `--${boundary}`;
  let parts = 0;
  // The closing delimiter counts as one.
  for (let at = body.indexOf(delimiter); at !== -1; at = body.indexOf(delimiter, at + delimiter.length)) {
    if (++parts > maxFiles + PARTS_BESIDE_FILES + 1) throw tooManyFiles(maxFiles);
  }
}

async function parseForm(body: Buffer, type: string, boundary: string): Promise<FormData> {
  try {
    const headers = { 'content-type': `${type}; boundary="${boundary}"` };
    return await new Response(new Uint8Array(body), { headers }).formData();
  } catch {
    throw bad('The multipart request cannot be read.');
  }
}

function textOf(form: FormData, name: string, maxBytes: number): string {
  const [value, another] = form.getAll(name);
  if (typeof value !== 'string' || another !== undefined) throw bad(`There is not one text part "${name}".`);
  if (Buffer.byteLength(value) > maxBytes) throw new Refusal('BODY_TOO_LARGE');
  return value;
}

/** A file goes only where the operations have null, as the specification of these requests says. */
function placeFile(operations: unknown, path: unknown, file: File): void {
  const steps = typeof path === 'string' ? path.split('.') : [];
  const last = steps.pop();
  let current: unknown = operations;
  for (const step of steps) current = ownValue(current, step);
  if (last === undefined || ownValue(current, last) !== null || !steps.includes('variables')) {
    throw bad('"map" has a path that is not a null in the variables.');
  }
  (current as Record<string, unknown>)[last] = file;
}

function ownValue(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function bad(text: string): Refusal {
  return new Refusal('BAD_REQUEST', text);
}

function tooManyFiles(maxFiles: number): Refusal {
  return new Refusal('BAD_REQUEST', `A request has at most ${maxFiles} files.`);
}
