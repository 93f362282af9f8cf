/** What is found out once per operation of a document, and lives as long as the document is kept. Nothing of a request may be in it. */
import type { DocumentNode } from 'graphql';
import type { Operation } from './engine.ts';

export type OperationOfDocument = Pick<Operation, 'document' | 'operationName'>;

export class PerOperation<Facts> {
  readonly #make: (operation: OperationOfDocument) => Facts;
  readonly #documents = new WeakMap<DocumentNode, Map<string | undefined, Facts>>();

  constructor(make: (operation: OperationOfDocument) => Facts) {
    this.#make = make;
  }

  get(operation: OperationOfDocument): Facts {
    let byName = this.#documents.get(operation.document);
    if (byName === undefined) {
      byName = new Map();
      this.#documents.set(operation.document, byName);
    }
    const known = byName.get(operation.operationName);
    if (known !== undefined) return known;
    const facts = this.#make(operation);
    byName.set(operation.operationName, facts);
    return facts;
  }
}
