/** What the directives of a subgraph are called: `@link` imports names, renames them, or leaves them with a prefix. */
import { type ConstDirectiveNode, type ConstValueNode, type DocumentNode, Kind } from 'graphql';

export interface FederationNames {
  readonly version: 1 | 2;
  /** The specification's name of a directive; undefined for directives of the team's own. */
  canonicalOf(name: string): string | undefined;
}

const SPECIFICATIONS = 'https://specs.apollo.dev/';
/** Of Federation 1, where nothing is linked. */
const VERSION_1: ReadonlySet<string> = new Set(['key', 'requires', 'provides', 'external', 'extends', 'tag']);

export function readFederationNames(document: DocumentNode): FederationNames {
  const links = document.definitions
    .flatMap((node) =>
      node.kind === Kind.SCHEMA_DEFINITION || node.kind === Kind.SCHEMA_EXTENSION
        ? (node.directives ?? [])
        : [],
    )
    .flatMap(readLink);
  if (!links.some(({ specification }) => specification === 'federation')) {
    return { version: 1, canonicalOf: (name) => (VERSION_1.has(name) ? name : undefined) };
  }
  const names = new Map<string, string>();
  for (const { specification, namespace, imports } of links) {
    // The specification's namesake: @tag of the specification "tag".
    if (specification !== 'federation') names.set(namespace, specification);
    for (const [name, imported] of imports) names.set(imported, name);
  }
  const prefixes = links.map(({ namespace }) => `${namespace}__`);
  return {
    version: 2,
    canonicalOf(name) {
      const imported = names.get(name);
      if (imported !== undefined) return imported;
      const prefix = prefixes.find((candidate) => name.startsWith(candidate));
      return prefix === undefined ? undefined : name.slice(prefix.length);
    },
  };
}

interface Link {
  readonly specification: string;
  readonly namespace: string;
  /** Pairs of the specification's name and the name here, of directives, without "@". */
  readonly imports: ReadonlyArray<readonly [string, string]>;
}

function readLink(directive: ConstDirectiveNode): readonly Link[] {
  const argument = (name: string) => directive.arguments?.find((node) => node.name.value === name)?.value;
  const url = textOf(argument('url'));
  if (url === undefined || !url.startsWith(SPECIFICATIONS)) return [];
  const specification = url.slice(SPECIFICATIONS.length).split('/')[0]!;
  const list = argument('import');
  const imports = list?.kind === Kind.LIST ? list.values.flatMap(readImport) : [];
  return [{ specification, namespace: textOf(argument('as')) ?? specification, imports }];
}

function readImport(node: ConstValueNode): ReadonlyArray<readonly [string, string]> {
  const field = (name: string) =>
    node.kind === Kind.OBJECT
      ? textOf(node.fields.find((entry) => entry.name.value === name)?.value)
      : undefined;
  const name = textOf(node) ?? field('name');
  if (name === undefined || !name.startsWith('@')) return [];
  return [[name.slice(1), (field('as') ?? name).replace(/^@/, '')]];
}

function textOf(node: ConstValueNode | undefined): string | undefined {
  return node?.kind === Kind.STRING ? node.value : undefined;
}
