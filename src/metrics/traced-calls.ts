/** Backend calls as spans of the operation that makes them, which the backend is told of. */
import type { CompiledCall, StreamCall, UnaryCall } from '../connectors/kind.ts';
import { codeOf } from './call-code.ts';
import { headersForMany } from './trace-headers.ts';

/** The same call, traced where its operation is. @param isShared whether what the connector reads may be another caller's, too */
export function traceCalls(
  [connector, coordinate, call]: readonly [connector: string, coordinate: string, call: CompiledCall],
  isShared: boolean,
): CompiledCall {
  if (call.mode === 'stream') return traceStream(connector, coordinate, call);
  const isChange = coordinate.startsWith('Mutation.');
  return traceUnary(connector, coordinate, { call, isForMany: isShared && !isChange });
}

function traceUnary(
  connector: string,
  coordinate: string,
  { call, isForMany }: { readonly call: UnaryCall; readonly isForMany: boolean },
): UnaryCall {
  return {
    ...call,
    call(batch, context, onOutcome) {
      const traced = context.tracing?.begin(connector, coordinate);
      if (traced === undefined) return call.call(batch, context, onOutcome);
      const headers = isForMany ? headersForMany(traced.headers) : traced.headers;
      return call.call(batch, context.carrying(headers), onOutcome).then(
        (outcomes) => {
          const failure = outcomes.find((outcome) => outcome instanceof Error);
          traced.end(failure && codeOf(failure, context));
          return outcomes;
        },
        (error: unknown) => {
          traced.end(codeOf(error, context));
          throw error;
        },
      );
    },
  };
}

function traceStream(connector: string, coordinate: string, call: StreamCall): StreamCall {
  return {
    mode: 'stream',
    async *open(values, context) {
      const traced = context.tracing?.begin(connector, coordinate);
      let failure: unknown;
      try {
        yield* call.open(values, traced === undefined ? context : context.carrying(traced.headers));
      } catch (error) {
        failure = error;
        throw error;
      } finally {
        traced?.end(failure === undefined ? undefined : codeOf(failure, context));
      }
    },
  };
}
