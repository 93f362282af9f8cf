/**
 * The broad door, opened when somebody comes through it. Yoga takes memory and time to load, and a gateway that is only ever sent
 * POSTs of JSON never needs it.
 */
import type { Endpoint } from '../operation/endpoint.ts';
import type { YogaContext, YogaDoor } from './yoga.ts';

export interface BroadDoor {
  fetch(request: Request, context: YogaContext): Promise<Response>;
  dispose(): Promise<void>;
}

export function openBroadDoor(endpoint: Endpoint): BroadDoor {
  let opened: Promise<YogaDoor> | undefined;
  return {
    async fetch(request, context) {
      opened ??= import('./yoga.ts').then(({ openYogaDoor }) => openYogaDoor(endpoint));
      return (await opened).fetch(request, context);
    },
    async dispose() {
      await (await opened)?.dispose();
    },
  };
}
