/**
 * The broad door, opened when somebody comes through it. Yoga takes memory and time to load, and a gateway that is only ever sent
 * POSTs of JSON never needs it.
 */
import { Lazy } from '../lazy.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { YogaContext } from './yoga.ts';

export interface BroadDoor {
  fetch(request: Request, context: YogaContext): Promise<Response>;
  dispose(): Promise<void>;
}

export function openBroadDoor(endpoint: Endpoint): BroadDoor {
  const yoga = new Lazy(async () => (await import('./yoga.ts')).openYogaDoor(endpoint));
  return {
    async fetch(request, context) {
      return (await yoga.get()).fetch(request, context);
    },
    async dispose() {
      await (await yoga.opened())?.dispose();
    },
  };
}
