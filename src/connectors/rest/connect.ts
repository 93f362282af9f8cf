/** One HTTP request per element of a batch, over one keep-alive pool. */
import { HemError, UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { HttpRequest, HttpResponse } from '../../upstream/http.ts';
import { openHttpCalls } from '../../upstream/http-calls.ts';
import { parseJsonLosslessly } from '../../upstream/json.ts';
import { toStatusError } from '../../upstream/status.ts';
import { problemsOf, toOutcomes } from '../batch.ts';
import type { CallContext, Connection, ConnectionSetup } from '../kind.ts';
import type { RestBinding } from './bind.ts';
import type { RestOptions } from './options.ts';

export function connect(setup: ConnectionSetup<RestOptions>): Connection<RestBinding> {
  const client = openHttpCalls(setup);

  function send(binding: RestBinding, values: Values, context: CallContext): Promise<unknown> {
    const read = (response: HttpResponse): unknown => {
      if (response.status === 401) setup.headers.denied(context);
      return toRecord(setup, binding, response);
    };
    const given = setup.headers.of(context);
    // Both are promises only now and then, and waiting for what is there has its price.
    if (given instanceof Promise) return sendLater(given);
    const request = toRequest(binding, values, given);
    if (request instanceof Promise) return sendLater(given);
    return client.request(request, context, read);

    async function sendLater(headers: typeof given): Promise<unknown> {
      return client.request(await toRequest(binding, values, await headers), context, read);
    }
  }

  return {
    compile: (binding) => ({
      mode: 'unary',
      call: (batch, context, onOutcome) =>
        toOutcomes(setup, batch, (values) => send(binding, values, context), onOutcome),
      problemWith: problemsOf(setup.name, (values) => toRequest(binding, values, {})),
    }),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** A promise for multipart bodies. */
function toRequest(
  binding: RestBinding,
  values: Values,
  headers: Record<string, string>,
): HttpRequest | Promise<HttpRequest> {
  headers.accept = 'application/json';
  // Without this line any coding would be acceptable (RFC 9110, 12.5.3), and none is undone here.
  headers['accept-encoding'] = 'identity';
  for (const { name, value } of binding.headers) headers[name] = sendable(name, value(values));
  const path = binding.url(values);
  const { method, isRead } = binding;
  if (binding.body === undefined) return { method, path, headers, isRead };
  const value = binding.body.value(values);
  switch (binding.body.as) {
    case 'json':
      headers['content-type'] ??= 'application/json';
      return { method, path, headers, body: JSON.stringify(value ?? null), isRead };
    case 'form':
      headers['content-type'] ??= 'application/x-www-form-urlencoded';
      return { method, path, headers, body: new URLSearchParams(toPairs(value)).toString(), isRead };
    case 'multipart': {
      const form = new FormData();
      for (const [name, item] of Object.entries(value ?? {})) {
        const field = toFieldText(name);
        for (const part of Array.isArray(item) ? item : [item]) {
          if (part instanceof Blob) form.append(field, part, part instanceof File ? part.name : field);
          else if (part !== undefined && part !== null) form.append(field, toFieldText(part));
        }
      }
      const encoded = new Response(form);
      headers['content-type'] = encoded.headers.get('content-type')!;
      return encoded.arrayBuffer().then((body) => ({ method, path, headers, body: Buffer.from(body) }));
    }
  }
}

/** Lists repeat their name; absent values are left out. */
function toPairs(value: unknown): Array<[string, string]> {
  return Object.entries(value ?? {}).flatMap(([name, item]) =>
    (Array.isArray(item) ? item : [item])
      .filter((part) => part !== undefined && part !== null)
      .map((part): [string, string] => [toFieldText(name), toFieldText(part)]),
  );
}

/** @throws {HemError} BAD_ARGUMENT for what UTF-8 has no bytes for: something else would be sent instead */
function toFieldText(value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (!text.isWellFormed())
    throw new HemError('BAD_ARGUMENT', { publicText: 'A field of the form is not well-formed Unicode.' });
  return text;
}

function toRecord(
  { name: connector, settings }: ConnectionSetup<RestOptions>,
  binding: RestBinding,
  response: HttpResponse,
): unknown {
  const { status, body } = response;
  const isMissing = status === 404 || status === 410;
  if (isMissing && binding.missing !== undefined) return binding.missing;
  if (status < 200 || status > 299) throw toStatusError(connector, response);
  if (body.length === 0) return binding.empty;
  const type = String(response.headers['content-type'] ?? '').toLowerCase();
  if (binding.text && type.startsWith('text/') && !type.startsWith('text/json')) return toText(body, type);
  try {
    return parseJsonLosslessly(withoutMark(body).toString('utf8'), settings.limits.responseObjects);
  } catch (cause) {
    throw new UpstreamError('UPSTREAM_INVALID', connector, {
      internal: `answered ${type || 'no content type'} ${(cause as Error).message}`,
      status: String(status),
      cause,
    });
  }
}

/** In the encoding that the answer names, if it is one that is known. */
function toText(body: Buffer, type: string): string {
  const label = /;\s*charset="?([\w.:-]{1,40})/.exec(type)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(label).decode(body);
  } catch {
    return body.toString('utf8');
  }
}

/** Some platforms begin JSON with a byte order mark. */
function withoutMark(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
}

/** What no header can carry, or would lose on the way: spaces around it (RFC 9110, 5.5). */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]|^[\t ]|[\t ]$/;

/** @throws {HemError} BAD_ARGUMENT */
function sendable(name: string, value: string): string {
  if (UNFIT.test(value))
    throw new HemError('BAD_ARGUMENT', { publicText: `The header "${name}" cannot carry this value.` });
  return value;
}
