/** What of a request is told in its line of the log. Filled on its way; nothing of what was asked or answered. */
import { type GraphQLFormattedError, getOperationAST } from 'graphql';
import { PerOperation } from '../../execute/per-operation.ts';
import { toLabel } from '../../metrics/bounded-labels.ts';
import { type Answer, errorsIn, isStream, type Stream, toldErrors } from '../answer.ts';
import type { Answering, Policy, Streaming } from '../policy.ts';
import type { PreparedOperation, Request } from '../request.ts';
import { Tapped } from '../tapped.ts';

/** Different codes of one request. */
const MAX_CODES = 8;
/** Errors that are looked through for them. */
const MAX_ERRORS = 100;

export class RequestNotes {
  /** Of the first operation. */
  operation: string | undefined = undefined;
  kind: string | undefined = undefined;
  operations = 0;
  events = 0;
  codes: string[] | undefined = undefined;
  /** The public part of a key that was not let in. */
  refusedKey: string | undefined = undefined;

  failed(errors: readonly GraphQLFormattedError[] | undefined): void {
    for (const { extensions } of errors?.slice(0, MAX_ERRORS) ?? []) this.code(String(extensions?.code));
  }

  /** One item of a stream was sent. */
  itemFailed(item: unknown): void {
    for (const errors of errorsIn(item)) this.failed(errors);
  }

  code(code: string): void {
    this.codes ??= [];
    if (this.codes.length < MAX_CODES && !this.codes.includes(code)) this.codes.push(code);
  }
}

/** Fills the notes of requests that have some. */
export function noting(): Policy {
  return new Noting();
}

class Noting implements Policy {
  readonly #names = new PerOperation(({ document, operationName }) => {
    const name = getOperationAST(document, operationName)?.name?.value;
    return { name: name === undefined ? undefined : toLabel(name) };
  });

  answer(operation: PreparedOperation, request: Request, next: Answering): Promise<Answer> {
    const { notes } = request;
    if (notes === undefined) return next(operation, request);
    this.#begin(notes, operation);
    return next(operation, request).then((answer) => {
      notes.failed(toldErrors(answer, request));
      return answer;
    });
  }

  async stream<Item>(
    operation: PreparedOperation,
    request: Request,
    next: Streaming<Item>,
  ): Promise<Answer | Stream<Item>> {
    const { notes } = request;
    if (notes === undefined) return next(operation, request);
    this.#begin(notes, operation);
    const outcome = await next(operation, request);
    if (!isStream(outcome)) {
      notes.failed(toldErrors(outcome, request));
      return outcome;
    }
    const item = (one: Item) => {
      notes.events++;
      if (!request.left.isCancelled) notes.itemFailed(one);
    };
    return { ...outcome, items: new Tapped(outcome.items, { item, end: () => {} }) };
  }

  #begin(notes: RequestNotes, operation: PreparedOperation): void {
    if (notes.operations++ > 0) return;
    notes.operation = this.#names.get(operation).name;
    notes.kind = operation.kind;
  }
}
