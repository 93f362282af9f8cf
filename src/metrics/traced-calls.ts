/** Backend calls as spans of the operation that makes them, which the backend is told of. */
import type { CompiledCall, StreamCall, UnaryCall } from '../connectors/kind.ts';
import { codeOf } from './call-code.ts';

/** The same call, traced where its operation is. */
export function traceCalls(connector: string, coordinate: string, call: CompiledCall): CompiledCall {
  return call.mode === 'unary'
    ? traceUnary(connector, coordinate, call)
    : traceStream(connector, coordinate, call);
}

function traceUnary(connector: string, coordinate: string, call: UnaryCall): UnaryCall {
  return {
    ...call,
    call(batch, context, onOutcome) {
      const traced = context.tracing?.begin(connector, coordinate);
      if (traced === undefined) return call.call(batch, context, onOutcome);
      return call.call(batch, context.carrying(traced.headers), onOutcome).then(
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
