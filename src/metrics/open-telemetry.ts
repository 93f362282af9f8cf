/** Traces by OpenTelemetry, sent to a collector over OTLP/HTTP. Imported only where hem.yml asks for traces. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { TracedCall } from '../call-context.ts';
import type { TracesSettings } from '../load/settings/telemetry-settings.ts';
import { scrubberOfText } from '../scrubber.ts';
import { toLabel } from './bounded-labels.ts';
import { type IncomingTrace, readBaggage, readTrace, writeTraceparent } from './trace-headers.ts';
import type { BegunOperation, BegunRequest, OperationSpan, RequestSpan, Tracing } from './tracing.ts';

/** How long the collector may take, also at the end of the process. */
const EXPORT_MS = 5000;
/** For the last spans, when the gateway stops. */
const LAST_SPANS_MS = 1000;
/** How long spans are gathered. */
const GATHERED_MS = 500;
const MAX_WAITING = 4096;
/** Of what callers choose; all else is named in the configuration. */
const scrub = scrubberOfText([]);

export function openTelemetry(settings: TracesSettings, log: Logger): Tracing {
  const exporter = toldOfFailures(
    new OTLPTraceExporter({ url: settings.endpoint, headers: settings.headers, timeoutMillis: EXPORT_MS }),
    log,
  );
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': settings.service }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(settings.sample) }),
    spanLimits: { attributeValueLengthLimit: 256 },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: MAX_WAITING,
        scheduledDelayMillis: GATHERED_MS,
        exportTimeoutMillis: EXPORT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('hem');
  return {
    begin: (request) => beginRequest(tracer, request, settings.trustCallers),
    async [Symbol.asyncDispose]() {
      // A collector that hangs would be waited for as for any other spans.
      await Promise.race([
        provider.shutdown().catch(() => {}),
        sleep(LAST_SPANS_MS, undefined, { ref: false }),
      ]);
    },
  };
}

function beginRequest(
  tracer: Tracer,
  { requestId, door, method, headers }: BegunRequest,
  trustCallers: boolean,
): RequestSpan {
  const incoming = readTrace(headers);
  const parent = incoming && toSpanContext(incoming);
  const span = tracer.startSpan(
    door === 'http' ? (method ?? 'HTTP') : door,
    {
      kind: SpanKind.SERVER,
      attributes: {
        'hem.request_id': scrub(requestId),
        ...(method === undefined ? {} : { 'http.request.method': method }),
      },
      ...(parent === undefined || trustCallers ? {} : { links: [{ context: parent }] }),
    },
    parent !== undefined && trustCallers ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
  );
  const context = trace.setSpan(ROOT_CONTEXT, span);
  const baggage = trustCallers ? readBaggage(headers) : undefined;
  return {
    begin: (operation) => beginOperation(tracer, operation, { context, baggage }),
    end({ client, status }) {
      if (client !== undefined) {
        span.setAttribute('hem.client', client);
        span.updateName(`${method ?? door} /${client}/graphql`);
      }
      if (status !== undefined) span.setAttribute('http.response.status_code', status);
      if (status !== undefined && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

interface Above {
  readonly context: Context;
  readonly baggage: string | undefined;
}

function beginOperation(
  tracer: Tracer,
  { client, kind, name, consumer }: BegunOperation,
  { context, baggage }: Above,
): OperationSpan {
  const label = name === undefined ? undefined : scrub(toLabel(name));
  const span = tracer.startSpan(
    // Of a bounded number: names are callers' own.
    kind,
    {
      attributes: {
        'graphql.operation.type': kind,
        ...(label === undefined ? {} : { 'graphql.operation.name': label }),
        'hem.client': client,
        ...(consumer === undefined ? {} : { 'hem.consumer': consumer }),
      },
    },
    context,
  );
  const own: Above = { context: trace.setSpan(context, span), baggage };
  return {
    begin: (connector, coordinate) => beginCall(tracer, { connector, coordinate }, own),
    end: (codes) => endSpan(span, codes),
  };
}

function beginCall(
  tracer: Tracer,
  { connector, coordinate }: { readonly connector: string; readonly coordinate: string },
  { context, baggage }: Above,
): TracedCall {
  const span = tracer.startSpan(
    `${connector} ${coordinate}`,
    {
      kind: SpanKind.CLIENT,
      attributes: { 'hem.connector': connector, 'hem.coordinate': coordinate },
    },
    context,
  );
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const state = traceState?.serialize();
  return {
    headers: {
      traceparent: writeTraceparent(traceId, spanId, traceFlags),
      ...(state ? { tracestate: state } : {}),
      ...(baggage === undefined ? {} : { baggage }),
    },
    end: (code) => endSpan(span, code === undefined ? undefined : [code]),
  };
}

function endSpan(span: Span, codes: readonly string[] | undefined): void {
  const [first] = codes ?? [];
  if (first !== undefined) {
    span.setAttribute('error.type', first);
    span.setStatus({ code: SpanStatusCode.ERROR, message: codes!.join(' ') });
  }
  span.end();
}

function toSpanContext({ traceId, spanId, flags, tracestate }: IncomingTrace): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
}

/** The library keeps it to itself when a collector does not take spans. It is told once, until one takes them again. */
function toldOfFailures(exporter: SpanExporter, log: Logger): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        // 0 is success.
        const failed = result.code !== 0;
        if (failed && !failing) log.warn({ err: result.error, spans: spans.length }, 'traces cannot be sent');
        if (!failed && failing) log.info('traces are sent again');
        failing = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
