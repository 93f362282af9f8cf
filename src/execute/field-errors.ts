/** Errors on their way to the caller: code, connector and coordinate go, internal text stays. */
import { GraphQLError } from 'graphql';
import { HemError, UpstreamError } from '../errors.ts';
import type { Connector } from '../load/model.ts';
import { secretsOfConnector } from '../load/secrets.ts';
import { type Scrub, scrubberOfText, scrubValue } from '../scrubber.ts';

const scrubs = new WeakMap<Connector, Scrub>();

/** Backends repeat what they were asked with, and callers are not to read what the gateway shows itself with. */
function scrubOf(connector: Connector): Scrub {
  let scrub = scrubs.get(connector);
  if (scrub === undefined) {
    scrub = scrubberOfText(secretsOfConnector(connector));
    scrubs.set(connector, scrub);
  }
  return scrub;
}

/** The error of one field. graphql-js adds path and location. */
export function toFieldError(
  error: unknown,
  coordinate: string,
  connectors: ReadonlyMap<string, Connector>,
): GraphQLError {
  const failure =
    error instanceof HemError ? error : new HemError('INTERNAL', { internal: String(error), cause: error });
  const extensions: Record<string, unknown> = { code: failure.code };
  if (failure instanceof UpstreamError) {
    extensions.connector = failure.connector;
    if (failure.status !== undefined) extensions.status = failure.status;
    const connector = connectors.get(failure.connector);
    if (connector?.settings.errors.detail === 'public' && failure.detail !== undefined)
      extensions.detail = scrubValue(failure.detail, scrubOf(connector));
  }
  extensions.coordinate = coordinate;
  Object.assign(extensions, failure.publicDetails);
  const text =
    failure instanceof UpstreamError
      ? `${failure.publicText.replace(/\.$/, '')} (${failure.connector}).`
      : failure.publicText;
  return new GraphQLError(text, { extensions, originalError: failure });
}
