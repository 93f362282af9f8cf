/** Errors on their way to the caller: code, connector and coordinate go, internal text stays. */
import { GraphQLError } from 'graphql';
import { HemError, UpstreamError } from '../errors.ts';
import type { Connector } from '../load/model.ts';

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
    const isPublic = connectors.get(failure.connector)?.settings.errors.detail === 'public';
    if (isPublic && failure.detail !== undefined) extensions.detail = failure.detail;
  }
  extensions.coordinate = coordinate;
  Object.assign(extensions, failure.publicDetails);
  const text =
    failure instanceof UpstreamError
      ? `${failure.publicText.replace(/\.$/, '')} (${failure.connector}).`
      : failure.publicText;
  return new GraphQLError(text, { extensions, originalError: failure });
}
