/** One SOAP message per element of a batch, over one keep-alive pool. */
import { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { HttpResponse } from '../../upstream/http.ts';
import { openHttpCalls } from '../../upstream/http-calls.ts';
import { toStatusError } from '../../upstream/status.ts';
import { problemsOf, toOutcomes } from '../batch.ts';
import type { CallContext, Connection, ConnectionSetup } from '../kind.ts';
import type { SoapBinding } from './bind.ts';
import { enterBody, isFault, toEnvelope } from './envelope.ts';
import { isOfCredentials, readFault, toFaultError } from './fault.ts';
import type { SoapOptions } from './options.ts';
import { XmlError, XmlReader } from './xml.ts';
import { decodeXmlBytes } from './xml-text.ts';

export function connect(setup: ConnectionSetup<SoapOptions>): Connection<SoapBinding> {
  const client = openHttpCalls(setup);

  async function send(binding: SoapBinding, values: Values, context: CallContext): Promise<unknown> {
    const security = binding.spec.security?.() ?? '';
    const body = toEnvelope(binding.frame, binding.header(values) + security, binding.body(values));
    const headers = Object.assign(await setup.headers.of(context), binding.headers);
    const { path, isRead } = binding;
    const request = { method: 'POST', path, headers, body, isRead, isFailure };
    return client.request(request, context, (response) => {
      const denied = () => setup.headers.denied(context);
      if (response.status === 401) denied();
      return toRecord(setup, binding, response, denied);
    });
  }

  return {
    compile: (binding) => ({
      mode: 'unary',
      call: (batch, context, onOutcome) =>
        toOutcomes(setup, batch, (values) => send(binding, values, context), onOutcome),
      problemWith: problemsOf(setup.name, (values) => [binding.header(values), binding.body(values)]),
    }),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** Faults come as 500 (SOAP 1.1, 6.2), and most of them are about the request. */
function isFailure({ status, headers }: HttpResponse): boolean {
  return status >= 500 && !(status === 500 && /\bxml\b/i.test(String(headers['content-type'] ?? '')));
}

/** @param denied to be called where a fault is about the credentials */
function toRecord(
  { name: connector, settings }: ConnectionSetup<SoapOptions>,
  binding: SoapBinding,
  response: HttpResponse,
  denied: () => void,
): unknown {
  const { status, body } = response;
  const isSuccess = status >= 200 && status < 300;
  if (isSuccess && body.length === 0 && binding.empty !== undefined) return binding.empty;
  try {
    const text = decodeXmlBytes(body, String(response.headers['content-type'] ?? ''));
    const reader = new XmlReader(text, settings.limits.responseObjects);
    const hasContent = enterBody(reader);
    if (hasContent && isFault(reader)) {
      const fault = readFault(reader, binding.spec.decoders);
      if (isOfCredentials(fault)) denied();
      const error = toFaultError(fault, binding.spec.codes, status);
      if (error.code === 'UPSTREAM_NOT_FOUND' && binding.missingIsNull) return null;
      throw error;
    }
    // A status of failure says more than a body without a fault.
    if (!isSuccess) throw toStatusError(connector, response);
    if (!hasContent && binding.empty === undefined) throw new XmlError(reader.offset, 'an empty body');
    const value = hasContent ? binding.read(reader) : binding.empty;
    finish(reader);
    return value;
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    if (!isSuccess) throw toStatusError(connector, response);
    throw new UpstreamError('UPSTREAM_INVALID', connector, {
      internal: `answered "${binding.operation}" with ${error.message} at character ${error.offset}`,
      status: String(status),
      cause: error,
    });
  }
}

/** What follows has to be well-formed too: half an answer is none. */
function finish(reader: XmlReader): void {
  while (reader.next() !== 'end') {}
}
