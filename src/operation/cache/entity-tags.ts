/** Which entities an answer holds, so that it can be found out of date with one of them. */

import { getNamedType, isEnumType } from 'graphql';
import { tagOf, tagOfUnknown } from '../../cache/tags.ts';
import type { Graph } from '../../graph/graph.ts';
import type { CollectedField } from '../../plan/collect.ts';
import type { ViewType } from '../../views/view.ts';

/** What is read from one object of an answer. */
export interface ObjectTags {
  readonly keys: readonly KeyTag[];
  readonly below: ReadonlyArray<{
    readonly responseKey: string;
    /** One per type that may stand there. */
    readonly objects: readonly ObjectTags[];
    /** Of what stands there without a key. */
    readonly unknown: readonly string[];
  }>;
}

/** The tag of an object by one of its keys; undefined where the answer does not say it. */
type KeyTag = (object: Readonly<Record<string, unknown>>) => string;

/** An answer with more is found out of date with any entity of its types. */
const MAX_TAGS = 500;

export class EntityTags {
  readonly #graph: Graph;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  isEntity(graphName: string): boolean {
    return this.#keysOf(graphName).length > 0;
  }

  /** What stands for entities of these types that nothing is known of. */
  unknown(graphNames: readonly string[]): readonly string[] {
    return graphNames.filter((name) => this.isEntity(name)).map(tagOfUnknown);
  }

  /** By each key of the type. Where one cannot be read, the object may be any of its type. */
  keysOf(
    graphName: string,
    viewType: ViewType | undefined,
    fields: readonly CollectedField[],
  ): readonly KeyTag[] {
    return this.#keysOf(graphName).map((paths): KeyTag => {
      const names = paths.map((path) => responseKeyOf(path, viewType, fields));
      const [only] = names;
      // The view may call the values of an enum otherwise than those who say what is out of date.
      if (names.includes(undefined) || paths.some((path) => this.#isEnum(graphName, path)))
        return () => tagOfUnknown(graphName);
      if (names.length === 1) return (object) => tagOrUnknown(graphName, object[only!]);
      return (object) =>
        tagOrUnknown(graphName, Object.fromEntries(paths.map((path, at) => [path, object[names[at]!]])));
    });
  }

  #isEnum(graphName: string, path: string): boolean {
    const field = this.#graph.types.get(graphName)?.fields.get(path.split('.')[0]!)?.sources[0];
    return field !== undefined && isEnumType(getNamedType(field.type));
  }

  #keysOf(graphName: string): ReadonlyArray<readonly string[]> {
    const sources = this.#graph.types.get(graphName)?.sources ?? [];
    const keys = sources.flatMap((source) => source.keys.map(({ paths }) => [...paths].sort()));
    return [...new Map(keys.map((paths) => [paths.join(' '), paths])).values()];
  }
}

/** The entities of an answer's data. Undefined where there are too many to name. */
export function entitiesIn(data: unknown, tags: ObjectTags): ReadonlySet<string> | undefined {
  const found = new Set<string>();
  collect(data, tags, found);
  return found.size > MAX_TAGS ? undefined : found;
}

function collect(value: unknown, { keys, below }: ObjectTags, found: Set<string>): void {
  if (found.size > MAX_TAGS) return;
  const object = value as Readonly<Record<string, unknown>>;
  for (const key of keys) found.add(key(object));
  for (const { responseKey, objects, unknown } of below)
    collectAt(object[responseKey], { objects, unknown }, found);
}

function collectAt(
  value: unknown,
  place: Pick<ObjectTags['below'][number], 'objects' | 'unknown'>,
  found: Set<string>,
): void {
  if (Array.isArray(value)) for (const item of value) collectAt(item, place, found);
  else if (typeof value === 'object' && value !== null)
    for (const tags of place.objects) collect(value, tags, found);
  // One of them may come to be there.
  else for (const tag of place.unknown) found.add(tag);
}

function responseKeyOf(
  path: string,
  viewType: ViewType | undefined,
  fields: readonly CollectedField[],
): string | undefined {
  return fields.find(({ nodes }) => {
    const steps = viewType?.fields.get(nodes[0]!.name.value)?.steps;
    return steps?.length === 1 && steps[0] === path;
  })?.responseKey;
}

function tagOrUnknown(graphName: string, key: unknown): string {
  return key === null || key === undefined ? tagOfUnknown(graphName) : tagOf(graphName, key);
}
