/** `@defer` and `@stream` in a document, for an engine: which there are, and the document as it would be without them. */
import {
  type DirectiveNode,
  type DocumentNode,
  GraphQLDeferDirective,
  GraphQLStreamDirective,
  visit,
} from 'graphql';

export function isIncremental({ name }: DirectiveNode): boolean {
  return name.value === GraphQLDeferDirective.name || name.value === GraphQLStreamDirective.name;
}

const plainDocuments = new WeakMap<DocumentNode, DocumentNode>();

/** What gives one answer. The same document where there is nothing to take out; places in it stay what they are. */
export function withoutIncremental(document: DocumentNode): DocumentNode {
  const known = plainDocuments.get(document);
  if (known !== undefined) return known;
  const plain = visit(document, { Directive: (node) => (isIncremental(node) ? null : undefined) });
  plainDocuments.set(document, plain);
  return plain;
}
