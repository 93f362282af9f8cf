/** Operations of a socket: begun by `subscribe`, executed by the client's endpoint, ended by either side. */
import { GraphQLError } from 'graphql';
import { CloseCode, type SubscribePayload } from 'graphql-ws';
import { Cancellation } from '../cancellation.ts';
import { ERRORS, type ErrorCode } from '../errors.ts';
import type { Tracing } from '../metrics/tracing.ts';
import { isStream } from '../operation/answer.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { format } from '../operation/format.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { RequestNotes } from '../operation/watch/request-notes.ts';
import { remoteOf } from './hops.ts';
import { Relay } from './relay.ts';
import type { RequestLog } from './request-log.ts';
import { closeWhenDone, type Peer, type Running } from './websocket-peer.ts';

/** What operations are held to and reported with. */
export interface OperationOptions {
  /** On one socket at a time. */
  readonly maxOperations: number;
  /** Gets a line per operation; undefined where nobody wants them. */
  readonly requestLog?: RequestLog | undefined;
  readonly tracing?: Tracing | undefined;
}

export function start(
  endpoint: Endpoint,
  { maxOperations, requestLog, tracing }: OperationOptions,
  peer: Peer,
  id: string,
  payload: SubscribePayload,
) {
  const left = new Cancellation();
  const { headers, principal } = peer;
  const requestId = `${peer.requestId}:${++peer.started}`;
  const request = {
    requestId,
    headers,
    left,
    address: peer.sender.address,
    principal,
    notes: requestLog && new RequestNotes(),
    span: tracing?.begin({ requestId, door: 'websocket', headers }),
  };
  requests.set(payload, request);
  const startedAt = performance.now();
  const refuse = (code: ErrorCode): readonly GraphQLError[] => {
    endpoint.noteRefusal(code, request);
    tell({ endpoint, request, startedAt }, peer, requestLog);
    return [new GraphQLError(ERRORS[code].text, { extensions: { code } })];
  };
  if (peer.closing) return refuse(peer.closing.refusal);
  if (peer.running.size + peer.outbox.released >= maxOperations) {
    peer.socket.close(CloseCode.BadRequest, 'Too many operations on one socket');
    return refuse('OPERATION_TOO_LARGE');
  }
  const trace = endpoint.traceOf(payload.extensions, peer);
  const prepared = endpoint.prepare(payload.query, payload.operationName, { trace, principal });
  if ('errors' in prepared) {
    const { errors } = format({ errors: prepared.errors }, request);
    request.notes?.failed(errors);
    tell({ endpoint, request, startedAt }, peer, requestLog);
    return [...prepared.errors];
  }
  const { kind, document, operationName } = prepared;
  const variables = payload.variables ?? {};
  const running: Running = {
    id,
    isSubscription: kind === 'subscription',
    left,
    rest: undefined,
    end: undefined,
    endpoint,
    operation: { ...prepared, variables, trace },
    request,
    startedAt,
  };
  peer.running.set(payload, running);
  // The library takes graphql-js's arguments and hands them on to `execute` and `subscribe` above.
  return {
    schema: endpoint.view.schema,
    document,
    operationName,
    variableValues: variables,
    contextValue: running,
  };
}

export function execute(running: Running) {
  return unlessLeft(running, toExecuted(running));
}

export function subscribe(running: Running) {
  return unlessLeft(running, toSubscribed(running));
}

/**
 * The library knows operations by their ids, and an id is another's as soon as its caller has completed the operation: that has to be
 * over for the library at once, also where something that runs for it, or what is being sent of it, takes longer.
 */
function unlessLeft<Outcome>(running: Running, work: Promise<Outcome>): Promise<Outcome | typeof UNREAD> {
  return new Promise((resolve, reject) => {
    work.then(resolve, reject);
    running.left.add(() => {
      running.rest = work.then(
        (outcome) => (outcome instanceof Relay ? outcome.return() : undefined),
        () => {},
      );
      resolve(UNREAD);
    });
  });
}

/** The library drops what nobody waits for. */
const UNREAD = { data: null };

async function toExecuted(running: Running) {
  const outcome = await running.endpoint.executeInParts(running.operation, running.request);
  return isStream(outcome) ? untilLeft(running, outcome.items) : outcome.result;
}

async function toSubscribed(running: Running) {
  const outcome = await running.endpoint.subscribe(running.operation, running.request);
  if (!isStream(outcome)) return outcome.result;
  const relay = untilLeft(running, outcome.items);
  running.end = (farewell) => relay.end(farewell);
  return relay;
}

function untilLeft<Result>({ left }: Running, results: AsyncIterable<Result>): Relay<Result> {
  // The library returns it for a caller who completes the operation, and for nobody else.
  const relay = new Relay(results, () => left.cancel());
  left.add(() => relay.end());
  return relay;
}

export function runningOf(args: unknown): Running {
  return (args as { readonly contextValue: Running }).contextValue;
}

/** Of what was asked, whether it was begun or refused. */
const requests = new WeakMap<SubscribePayload, Pick<EndpointRequest, 'requestId'>>();

export function requestOf(
  { requestId }: Peer,
  payload: SubscribePayload,
): Pick<EndpointRequest, 'requestId'> {
  return requests.get(payload) ?? { requestId };
}

/** The library forgets the id of an operation that the caller has completed; what runs for it ends here. */
export function leaveCompleted({ context, running, outbox }: Peer): void {
  if (context === undefined) return;
  const { subscriptions } = context;
  for (const { id, left } of running.values()) if (!(id in subscriptions)) left.cancel();
  outbox.release((id) => !(id in subscriptions));
}

/** Operations that were left count until what runs for them has ended. */
export function finish(peer: Peer, payload: SubscribePayload, requestLog: RequestLog | undefined): void {
  const running = peer.running.get(payload);
  const rest = running?.rest;
  const hasLeft = peer.closing === undefined && running?.left.isCancelled === true;
  running?.left.cancel();
  const end = () => {
    peer.running.delete(payload);
    if (running !== undefined) tell(running, peer, requestLog, hasLeft);
    // After the last answer has been handed to the socket.
    if (peer.closing) setImmediate(() => closeWhenDone(peer));
  };
  if (rest === undefined) end();
  else void rest.then(end);
}

function tell(
  { endpoint, request, startedAt }: Pick<Running, 'endpoint' | 'request' | 'startedAt'>,
  { message }: Peer,
  requestLog: RequestLog | undefined,
  hasLeft = false,
): void {
  const { requestId, principal, notes, span } = request;
  span?.end({ client: endpoint.name });
  if (requestLog === undefined || notes === undefined) return;
  const remote = remoteOf(request, message);
  requestLog.websocket({ requestId, client: endpoint.name, principal, remote, notes, startedAt }, hasLeft);
}
