/** Backend calls as spans of the operation that makes them, which the backend is told of. */
import type { CompiledCall, StreamCall, UnaryCall } from '../connectors/kind.ts';
import { HemError } from '../errors.ts';

/** The same call, traced where its operation is. */
export function traceCalls(connector: string, coordinate: string, call: CompiledCall): CompiledCall {
  return call.mode === 'unary'
    ? traceUnary(connector, coordinate, call)
    : traceStream(connector, coordinate, call);
}

function traceUnary(connector: string, coordinate: string, call: UnaryCall): UnaryCall {
  return {
    mode: 'unary',
    call(batch, context) {
      const traced = context.tracing?.begin(connector, coordinate);
      if (traced === undefined) return call.call(batch, context);
      return call.call(batch, context.carrying(traced.headers)).then(
        (outcomes) => {
          traced.end(codeOf(outcomes.find((outcome) => outcome instanceof Error)));
          return outcomes;
        },
        (error: unknown) => {
          traced.end(codeOf(error));
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
        traced?.end(codeOf(failure));
      }
    },
  };
}

function codeOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof HemError ? error.code : 'UPSTREAM_FAILED';
}
