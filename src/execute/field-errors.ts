/** Errors on their way to the caller: code, connector and coordinate go, internal text stays. */
import { GraphQLError } from 'graphql';
import type { CallContext } from '../call-context.ts';
import { HemError, UpstreamError } from '../errors.ts';
import type { Connections, Connector } from '../load/model.ts';
import { secretsOfConnector } from '../load/secrets.ts';
import { type Scrub, scrubberOfText, scrubValue } from '../scrubber.ts';

/** The execution that it happened in. */
interface Where {
  readonly connections: Connections;
  readonly caller: Pick<CallContext, 'principal'>;
}

const scrubs = new WeakMap<Connector, Scrub>();
/** The last ones: many errors in a row are of one caller. */
const scrubsOfAll = new WeakMap<Connector, { readonly obtained: readonly string[]; readonly scrub: Scrub }>();

/** Backends repeat what they were asked with, and callers are not to read what the gateway shows itself with. */
function scrubOf(connector: Connector): Scrub {
  let scrub = scrubs.get(connector);
  if (scrub === undefined) {
    scrub = scrubberOfText(secretsOfConnector(connector));
    scrubs.set(connector, scrub);
  }
  return scrub;
}

/** Of what the gateway got for the backend, or for this caller, while running, too. */
function scrubIn({ connections, caller }: Where, connector: Connector): Scrub {
  const obtained = connections.obtained?.(connector.name, caller) ?? [];
  if (obtained.length === 0) return scrubOf(connector);
  const last = scrubsOfAll.get(connector);
  if (last?.obtained.length === obtained.length && last.obtained.every((one, at) => one === obtained[at]))
    return last.scrub;
  const scrub = scrubberOfText([...secretsOfConnector(connector), ...obtained]);
  scrubsOfAll.set(connector, { obtained, scrub });
  return scrub;
}

/** The error of one field. graphql-js adds path and location. */
export function toFieldError(
  error: unknown,
  coordinate: string,
  connectors: ReadonlyMap<string, Connector>,
  execution: Where,
): GraphQLError {
  const failure =
    error instanceof HemError ? error : new HemError('INTERNAL', { internal: String(error), cause: error });
  const extensions: Record<string, unknown> = { code: failure.code };
  if (failure instanceof UpstreamError) {
    extensions.connector = failure.connector;
    Object.assign(extensions, toldByBackend(failure, connectors.get(failure.connector), execution));
  }
  extensions.coordinate = coordinate;
  Object.assign(extensions, failure.publicDetails);
  const text =
    failure instanceof UpstreamError
      ? `${failure.publicText.replace(/\.$/, '')} (${failure.connector}).`
      : failure.publicText;
  return new GraphQLError(text, { extensions, originalError: failure });
}

/** The backend's own words, as far as they may leave. */
function toldByBackend(
  { status, detail }: UpstreamError,
  connector: Connector | undefined,
  execution: Where,
): { readonly status?: string; readonly detail?: unknown } {
  if (connector === undefined) return {};
  const isTold = detail !== undefined && connector.settings.errors.detail === 'public';
  if (status === undefined && !isTold) return {};
  const scrub = scrubIn(execution, connector);
  return {
    ...(status === undefined ? {} : { status: scrub(status) }),
    ...(isTold ? { detail: scrubValue(detail, scrub) } : {}),
  };
}
