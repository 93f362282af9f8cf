/** What a request asks for, by its path. */
import { remembered } from './media-type.ts';

export interface Address {
  readonly client: string;
  readonly resource: 'graphql' | 'schema.graphql';
  /** The query part, without "?". */
  readonly search: string;
}

/** `/web/graphql?x` → the client, what is asked of it, and how. */
export const addressOf = remembered((target: string | undefined): Address | undefined => {
  const [, client, resource, search] =
    /^\/([a-z][a-z0-9-]*)\/(graphql|schema\.graphql)\/?(?:\?(.*))?$/s.exec(target ?? '') ?? [];
  if (client === undefined) return undefined;
  return { client, resource: resource as Address['resource'], search: search ?? '' };
});
