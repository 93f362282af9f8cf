/** W3C Trace Context and Baggage: what comes in is believed only where it has their form, and bounded. */

export interface IncomingTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly tracestate: string | undefined;
}

const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:$|-)/;
const MAX_STATE_CHARACTERS = 512;
const MAX_BAGGAGE_CHARACTERS = 8192;
/** What both may consist of. */
const PRINTABLE = /^[\x20-\x7e\t]+$/;

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Undefined where there is none, or it is malformed. */
export function readTrace(headers: Headers): IncomingTrace | undefined {
  const parent = headers.traceparent;
  if (typeof parent !== 'string' || parent.length > 256) return undefined;
  const [, traceId, spanId, flags] = TRACEPARENT.exec(parent) ?? [];
  // Version 0 has nothing after its flags.
  if (traceId === undefined || (parent.startsWith('00') && parent.length !== 55)) return undefined;
  return {
    traceId,
    spanId: spanId!,
    flags: Number.parseInt(flags!, 16) & 1,
    tracestate: textOf(headers.tracestate, MAX_STATE_CHARACTERS),
  };
}

export function readBaggage(headers: Headers): string | undefined {
  return textOf(headers.baggage, MAX_BAGGAGE_CHARACTERS);
}

/** Without whatever else a caller says along with its trace: an answer that others may be given does not depend on that. */
export function headersForMany({
  baggage: _callers,
  ...headers
}: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return headers;
}

export function writeTraceparent(traceId: string, spanId: string, flags: number): string {
  return `00-${traceId}-${spanId}-${(flags & 1) === 1 ? '01' : '00'}`;
}

function textOf(value: Headers[string], maxCharacters: number): string | undefined {
  const text = typeof value === 'string' ? value : value?.join(',');
  return text === undefined || text.length > maxCharacters || !PRINTABLE.test(text) ? undefined : text;
}
