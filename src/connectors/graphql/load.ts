/** Reads the backend's SDL and the connector's own: what there is to bind to, and of which types arguments are. */
import { type DocumentNode, GraphQLError } from 'graphql';
import { parseDocument } from '../../mapping/parse-document.ts';
import { didYouMean } from '../../problems.ts';
import { identityHeadersOf } from '../identity-settings.ts';
import type { ConnectorSource } from '../kind.ts';
import { type BackendSchema, readBackendSchema } from './backend-schema.ts';
import type { GraphqlOptions } from './options.ts';

export interface GraphqlSpec {
  /** Undefined when none is vendored: then any field may be bound, and only the connector's own types are known. */
  readonly backend: BackendSchema | undefined;
  /** The connector's schema.graphql as it stands in the file. */
  readonly own: BackendSchema;
  /** Pairs of types that were compared already. */
  readonly compared: Set<string>;
}

/** What is the same for all may not stand where callers are named. */
function checkInit({ settings, options, report }: ConnectorSource<GraphqlOptions>): void {
  const named = identityHeadersOf(settings.identity);
  for (const name of Object.keys(options.subscriptions.init)) {
    if (!named.includes(name.toLowerCase())) continue;
    report(['subscriptions', 'init', name], {
      rule: 'identity-header',
      message: '"identity" and "subscriptions.init" would both write this entry of `connection_init`.',
      found: name,
      hint: 'take it out here: every caller would be called the same',
    });
  }
}

const OWN = 'schema.graphql';
const MAX_TOKENS = 2_000_000;

export async function load(source: ConnectorSource<GraphqlOptions>): Promise<GraphqlSpec | undefined> {
  const { spec: file, federation, types } = source.options;
  checkInit(source);
  // Its syntax errors are reported by whoever loads the connector.
  const own = readBackendSchema(
    OWN,
    (await readSdl(source, OWN, [])) ?? { kind: 'Document', definitions: [] },
  );
  if (federation) {
    if (file !== undefined) {
      source.report(['spec'], {
        rule: 'graphql-federation',
        message: 'A federation subgraph is described by its schema.graphql alone.',
        hint: 'remove "spec"',
      });
    }
    if (Object.keys(types).length > 0) {
      source.report(['types'], {
        rule: 'graphql-federation',
        message: 'The types of a federation subgraph keep their names: schema.graphql is not edited.',
        hint: 'remove "types" and rename in the views',
      });
    }
    return { backend: own, own, compared: new Set() };
  }
  if (file === undefined) return { backend: undefined, own, compared: new Set() };
  const document = await readSdl(source, file, ['spec'], true);
  if (document === undefined) return undefined;
  const backend = readBackendSchema(file, document);
  for (const [name, atBackend] of Object.entries(types)) {
    if (backend.types.has(atBackend)) continue;
    source.report(['types', name], {
      rule: 'graphql-unknown-type',
      message: `${file} has no type of this name.`,
      found: atBackend,
      hint: didYouMean(atBackend, backend.types.keys()),
    });
  }
  return { backend, own, compared: new Set() };
}

async function readSdl(
  source: ConnectorSource<GraphqlOptions>,
  file: string,
  at: readonly string[],
  reporting = false,
): Promise<DocumentNode | undefined> {
  const text = (await source.read(file, at))?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    return parseDocument(text, { name: file, maxTokens: MAX_TOKENS });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    if (reporting) {
      source.reportIn(file, text, error.positions?.[0] ?? 0, {
        rule: 'spec-syntax',
        message: error.message,
      });
    }
    return undefined;
  }
}
