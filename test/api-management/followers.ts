/** A subscription over server-sent events or a websocket, and when and how it ended. */
import { expect } from 'vitest';
import { EventReader } from '../doors/event-reader.ts';
import { RawSocket } from '../doors/riders.ts';
import type { Deployment } from './deployment.ts';
import { credentials, type GatewayProcess } from './gateway-process.ts';

const MOVED = 'subscription { riderMoved(id: "1") { name } }';

export interface End {
  readonly code: unknown;
  readonly at: number;
}

export interface Follower {
  readonly events: unknown[];
  readonly ended: Promise<End>;
}

/** On each process one by each transport, all of which have had an event. */
export async function followAll({ gateways, riders }: Deployment, key: string): Promise<readonly Follower[]> {
  const followers: Follower[] = [];
  for (const gateway of gateways)
    followers.push(await followEvents(gateway, key), await followSocket(gateway, key));
  // What moves before the backend knows of a follower is told to nobody.
  await expect
    .poll(
      () => {
        riders.move('1', 'Ada');
        return followers.every(({ events }) => events.length > 0);
      },
      { timeout: 10_000 },
    )
    .toBe(true);
  return followers;
}

async function followEvents(gateway: GatewayProcess, key: string): Promise<Follower> {
  const response = await fetch(`${gateway.url}/web/graphql`, {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...credentials({ key }) },
    body: JSON.stringify({ query: MOVED }),
  });
  expect(response.status).toBe(200);
  const events: unknown[] = [];
  const read = async (): Promise<End> => {
    let code: unknown;
    const reader = EventReader.of(response);
    for (let event = await reader.next(); event?.data !== undefined; event = await reader.next()) {
      code = event.data.errors?.[0]?.extensions.code;
      events.push(event.data);
    }
    return { code, at: Date.now() };
  };
  return { events, ended: read() };
}

async function followSocket(gateway: GatewayProcess, key: string): Promise<Follower> {
  const socket = new RawSocket(gateway);
  const events: unknown[] = [];
  await socket.opened();
  socket.send({ type: 'connection_init', payload: credentials({ key }) });
  await socket.until(({ type }) => type === 'connection_ack');
  let code: unknown;
  let endedAt = 0;
  socket.socket.on('message', (data) => {
    const { type, payload } = JSON.parse(String(data));
    if (type === 'next') events.push(payload);
    if (type === 'complete') endedAt = Date.now();
    code = payload?.errors?.[0]?.extensions.code ?? code;
  });
  socket.subscribe('a', MOVED);
  const ended = socket.closed.then((close) => {
    expect(close).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
    return { code, at: endedAt };
  });
  return { events, ended };
}
