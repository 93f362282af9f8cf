/** `query rider` or `entity Rider`, with the document that asks for one. */
import type { BoundField, CallDescription } from '../kind.ts';
import type { GraphqlBinding } from './bind.ts';
import { entityDocument, RootDocuments } from './document.ts';
import type { GraphqlOptions } from './options.ts';
import { printSelection } from './selection.ts';

export function describe({
  binding,
  selection: asked,
  settings,
  options,
}: BoundField<GraphqlOptions, GraphqlBinding>): CallDescription {
  const { operation, target, type, backend } = binding;
  const { callsAtOnce } = settings.limits;
  const selection = printSelection(asked, type, { types: options.types, backend });
  if (target.kind === 'entity') {
    const field = target.field === undefined ? '' : `.${target.field}`;
    return {
      text: `entity ${target.typeName}${field}`,
      document: entityDocument(binding, target, selection),
      batchSize: options.batchSize,
      callsAtOnce,
    };
  }
  return {
    text: `${operation} ${target.path.join('.')}`,
    document: new RootDocuments(binding, target.path, target.typeName, selection).text(1),
    batchSize: operation === 'query' ? options.batchSize : 1,
    // Mutations are sent one after the other.
    callsAtOnce: operation === 'query' ? callsAtOnce : 1,
  };
}
