/** The names of a client's own operations: the only ones that metrics show, because callers could send any. */
import { Kind } from 'graphql';
import type { Client } from '../../load/client.ts';

export function ownNames({ operations }: Pick<Client, 'operations'>): ReadonlySet<string> {
  return new Set(
    operations.flatMap(({ document }) =>
      document.definitions.flatMap((node) =>
        node.kind === Kind.OPERATION_DEFINITION && node.name !== undefined ? [node.name.value] : [],
      ),
    ),
  );
}
