/** GraphiQL's page: one document of nine megabytes, which is loaded when somebody opens it. */
import type { GraphiQLOptions } from 'graphql-yoga';

export async function renderPage(options?: GraphiQLOptions): Promise<string> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return renderGraphiQL(options);
}
