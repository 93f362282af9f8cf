/** The connectors' schemas as one: types of one name become one type. What connectors disagree about has been reported before. */
import {
  buildASTSchema,
  type ConstDirectiveNode,
  type GraphQLSchema,
  Kind,
  type ListTypeNode,
  type NamedTypeNode,
  type NameNode,
  type StringValueNode,
  type TypeDefinitionNode,
  type TypeNode,
} from 'graphql';
import type { Connector } from '../load/model.ts';
import { equipScalars } from '../load/scalars.ts';
import { type PlainDefinition, plainDefinitions } from './plain-definitions.ts';

/** Every part that a definition of any kind may have. */
interface Parts {
  readonly description?: StringValueNode;
  readonly directives?: readonly ConstDirectiveNode[];
  readonly interfaces?: readonly NamedTypeNode[];
  readonly fields?: readonly Member[];
  readonly values?: readonly Member[];
  readonly types?: readonly NamedTypeNode[];
}

interface Member {
  readonly name: NameNode;
  readonly description?: StringValueNode;
  readonly type?: TypeNode;
}

export function mergeSchemas(connectors: readonly Connector[]): GraphQLSchema {
  const byName = Map.groupBy(connectors.flatMap(plainDefinitions), ({ name }) => name.value);
  const definitions = [...byName.values()].map(mergeDefinitions);
  const schema = buildASTSchema(
    { kind: Kind.DOCUMENT, definitions },
    { assumeValid: true, assumeValidSDL: true },
  );
  equipScalars(schema);
  return schema;
}

function mergeDefinitions(nodes: readonly PlainDefinition[]): TypeDefinitionNode {
  const [first] = nodes;
  const kind = first!.kind.replace('Extension', 'Definition');
  if (nodes.length === 1) return { ...first, kind } as TypeDefinitionNode;
  const all: readonly Parts[] = nodes;
  const parts: Parts = {
    description: all.findLast(({ description }) => description !== undefined)?.description,
    directives: unique(all.flatMap(({ directives = [] }) => directives)),
    interfaces: unique(all.flatMap(({ interfaces = [] }) => interfaces)),
    fields: unique(
      all.flatMap(({ fields = [] }) => fields),
      mergeMembers,
    ),
    values: unique(
      all.flatMap(({ values = [] }) => values),
      mergeMembers,
    ),
    types: unique(all.flatMap(({ types = [] }) => types)),
  };
  return { ...first, kind, ...parts } as TypeDefinitionNode;
}

/** The later one, but for what it does not say, and where it promises more than the other keeps. */
function mergeMembers(earlier: Member, later: Member): Member {
  return {
    ...later,
    description: later.description ?? earlier.description,
    type:
      earlier.type === undefined || later.type === undefined ? later.type : weaker(earlier.type, later.type),
  };
}

/** Of two types that differ in nullability only, the one that both keep. */
function weaker(a: TypeNode, b: TypeNode): TypeNode {
  if (a.kind === Kind.NON_NULL_TYPE && b.kind === Kind.NON_NULL_TYPE)
    return { ...b, type: weaker(a.type, b.type) as NamedTypeNode | ListTypeNode };
  if (a.kind === Kind.NON_NULL_TYPE) return weaker(a.type, b);
  if (b.kind === Kind.NON_NULL_TYPE) return weaker(a, b.type);
  return a.kind === Kind.LIST_TYPE && b.kind === Kind.LIST_TYPE ? { ...b, type: weaker(a.type, b.type) } : b;
}

/** In the order in which names come first; nodes of one name become one. */
function unique<Node extends { readonly name: NameNode }>(
  nodes: readonly Node[],
  merge: (earlier: Node, later: Node) => Node = (_earlier, later) => later,
): readonly Node[] {
  const found = new Map<string, Node>();
  for (const node of nodes) {
    const earlier = found.get(node.name.value);
    found.set(node.name.value, earlier === undefined ? node : merge(earlier, node));
  }
  return [...found.values()];
}
