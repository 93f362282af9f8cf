/** One HTTP request on its way through the doors, and the doors of the client that it is for. */
import type { ServerResponse } from 'node:http';
import type { HemError } from '../errors.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { BodyMessage } from './body-message.ts';
import type { BroadDoor } from './broad-door.ts';
import type { EventStreams } from './event-streams.ts';
import type { ReceivedRequest } from './received-request.ts';
import type { WebSocketDoor } from './websocket.ts';

export interface ClientDoors {
  readonly endpoint: Endpoint;
  readonly broad: BroadDoor;
  readonly websocket: WebSocketDoor;
  readonly streams: EventStreams;
}

/** One request and its answer. */
export interface Exchange {
  readonly message: BodyMessage;
  readonly response: ServerResponse;
  readonly request: ReceivedRequest;
  /** Names and values in turn of what every answer to this request says. */
  readonly headers: string[];
  /** Of which client's endpoint it is, once that is known. */
  client: string | undefined;
  /** Takes down that it is not executed. */
  refused(error: HemError): void;
}

/** The short path writes them together with its own; before all other answers they are set here. */
export function setHeaders({ response, headers }: Exchange): void {
  if (response.headersSent) return;
  for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at]!, headers[at + 1]!);
}
