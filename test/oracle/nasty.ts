/** The nasty test graph with its backends. */
import { fileURLToPath } from 'node:url';
import { openPeopleBackend } from './people-backend.ts';
import { openRestBackend } from './rest-backends.ts';
import { openSubject, type Subject } from './subject.ts';

export const GRAPH = fileURLToPath(new URL('./graph', import.meta.url));

export async function openNasty(): Promise<Subject> {
  const people = await openPeopleBackend();
  const rest = await Promise.all([
    openRestBackend('works'),
    openRestBackend('ratings'),
    openRestBackend('shipping'),
  ]);
  const [works, ratings, shipping] = rest;
  const subject = await openSubject(GRAPH, {
    WORKS_URL: works!.url,
    PEOPLE_URL: people.url,
    RATINGS_URL: ratings!.url,
    SHIPPING_URL: shipping!.url,
  });
  return {
    ...subject,
    async [Symbol.asyncDispose]() {
      await subject[Symbol.asyncDispose]();
      await people.dispose();
      for (const { server } of [people, ...rest]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}
