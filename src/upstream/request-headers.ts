/** Headers that tell one request from another rather than one caller. Lower-case names. */
export const OF_THE_REQUEST: ReadonlySet<string> = new Set(['x-request-id', 'traceparent', 'tracestate']);
