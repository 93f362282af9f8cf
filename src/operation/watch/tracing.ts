/** Every operation of a traced request is a span, below which its backend calls are. */
import { getOperationAST } from 'graphql';
import { PerOperation } from '../../execute/per-operation.ts';
import type { OperationSpan } from '../../metrics/tracing.ts';
import { type Answer, isStream, type Stream, toldErrors } from '../answer.ts';
import type { Answering, Policy, Streaming } from '../policy.ts';
import type { PreparedOperation, Request } from '../request.ts';
import { Tapped } from '../tapped.ts';
import { RequestNotes } from './request-notes.ts';

export function tracing(client: string): Policy {
  return new TracedOperations(client);
}

class TracedOperations implements Policy {
  readonly #client: string;
  readonly #names = new PerOperation(({ document, operationName }) => ({
    name: getOperationAST(document, operationName)?.name?.value,
  }));

  constructor(client: string) {
    this.#client = client;
  }

  async answer(operation: PreparedOperation, request: Request, next: Answering): Promise<Answer> {
    const span = this.#begin(operation, request);
    if (span === undefined) return next(operation, request);
    const answer = await next(operation, withTracing(request, span));
    span.end(codesOf(answer, request));
    return answer;
  }

  async stream<Item>(
    operation: PreparedOperation,
    request: Request,
    next: Streaming<Item>,
  ): Promise<Answer | Stream<Item>> {
    const span = this.#begin(operation, request);
    if (span === undefined) return next(operation, request);
    const outcome = await next(operation, withTracing(request, span));
    if (!isStream(outcome)) {
      span.end(codesOf(outcome, request));
      return outcome;
    }
    const notes = new RequestNotes();
    const item = (one: Item) => {
      if (!request.left.isCancelled) notes.itemFailed(one);
    };
    return { ...outcome, items: new Tapped(outcome.items, { item, end: () => span.end(notes.codes) }) };
  }

  #begin(operation: PreparedOperation, { span, principal }: Request): OperationSpan | undefined {
    return span?.begin({
      client: this.#client,
      kind: operation.kind,
      name: this.#names.get(operation).name,
      consumer: principal?.key?.consumer,
    });
  }
}

function withTracing(request: Request, tracing: OperationSpan): Request {
  const { requestId, headers, left, address, principal, notes } = request;
  return { requestId, headers, left, address, principal, notes, tracing };
}

function codesOf(answer: Answer, request: Request): readonly string[] | undefined {
  const notes = new RequestNotes();
  notes.failed(toldErrors(answer, request));
  return notes.codes;
}
