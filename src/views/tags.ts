/** What plans call the fields of a view: the tags that connectors give along each field's path, and the view's own. */
import { type GraphQLSchema, getNamedType, isInterfaceType, isObjectType } from 'graphql';
import type { Graph } from '../graph/graph.ts';
import { tagsOfReading } from '../graph/tags.ts';
import { DirectiveReader } from '../load/directives/directive-reader.ts';
import { readTags } from '../load/directives/tag.ts';
import type { Problems } from '../problems.ts';
import type { ViewType } from './view.ts';

/** By coordinate; only of fields that have some. */
export type ViewTags = ReadonlyMap<string, ReadonlySet<string>>;

interface TagsInput {
  /** The view's own, with directives. */
  readonly schema: GraphQLSchema;
  readonly types: ReadonlyMap<string, ViewType>;
  readonly graph: Graph;
  readonly file: string;
  readonly problems: Problems;
}

export function buildTags({ schema, types, graph, file, problems }: TagsInput): ViewTags {
  const reader = new DirectiveReader(schema, file, problems);
  const tags = new Map<string, ReadonlySet<string>>();
  for (const { name, graphName, fields } of types.values()) {
    const type = schema.getType(name);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    const owners = [type, ...type.getInterfaces()];
    const ofTypes = owners.flatMap((owner) =>
      readTags([owner.astNode, ...owner.extensionASTNodes], owner.name, reader),
    );
    for (const field of fields.values()) {
      const own = owners.flatMap((owner) => {
        const { astNode } = owner.getFields()[field.name] ?? {};
        return readTags([astNode], `${owner.name}.${field.name}`, reader);
      });
      const all = new Set([...ofTypes, ...own, ...alongPath(graph, graphName, field.steps)]);
      if (all.size > 0) tags.set(`${name}.${field.name}`, all);
    }
  }
  return tags;
}

function alongPath(graph: Graph, graphName: string, steps: readonly string[]): readonly string[] {
  let owner = graphName;
  return steps.flatMap((step) => {
    const tags = tagsOfReading(graph, owner, step);
    const type = graph.schema.getType(owner);
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[step] : undefined;
    owner = field === undefined ? '' : getNamedType(field.type).name;
    return tags;
  });
}
