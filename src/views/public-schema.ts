/**
 * The schema as the client sees it: without Hem's directives, with descriptions and deprecations inherited from the graph, and with
 * the directives that let parts of an answer come later.
 */
import {
  buildASTSchema,
  type ConstDirectiveNode,
  type DocumentNode,
  GraphQLDeferDirective,
  type GraphQLNamedType,
  GraphQLSchema,
  GraphQLStreamDirective,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  type StringValueNode,
  type TypeDefinitionNode,
} from 'graphql';
import type { Graph } from '../graph/graph.ts';
import { equipScalars } from '../graph/scalars.ts';
import type { ViewType } from './view.ts';

interface Documented {
  readonly description?: string | null | undefined;
  readonly deprecationReason?: string | null | undefined;
}

/** @param schema the view's own, checked, with directives */
export function toPublicSchema(
  schema: GraphQLSchema,
  graph: Graph,
  types: ReadonlyMap<string, ViewType>,
  file: string,
): GraphQLSchema {
  const used = usedTypes(schema, file);
  const definitions = used.flatMap((type): TypeDefinitionNode[] => {
    const node = type.astNode;
    if (node === undefined || node === null) return [];
    const graphType = graph.schema.getType(types.get(type.name)?.graphName ?? type.name);
    return [toDefinition(node, graphType, types.get(type.name), graph)];
  });
  const document: DocumentNode = { kind: Kind.DOCUMENT, definitions };
  const plain = buildASTSchema(document, { assumeValidSDL: true }).toConfig();
  const result = new GraphQLSchema({
    ...plain,
    directives: [...plain.directives, GraphQLDeferDirective, GraphQLStreamDirective],
  });
  equipScalars(result);
  return result;
}

/** The file's own types, and those of Hem's scalars that they use. */
function usedTypes(schema: GraphQLSchema, file: string): readonly GraphQLNamedType[] {
  const all = Object.values(schema.getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
  );
  const own = all.filter((type) => type.astNode?.loc?.source.name === file);
  const named = new Set(
    own.flatMap((type) => {
      if (isInputObjectType(type))
        return Object.values(type.getFields()).map((field) => nameOf(String(field.type)));
      if (!isObjectType(type) && !isInterfaceType(type)) return [];
      return Object.values(type.getFields()).flatMap((field) => [
        nameOf(String(field.type)),
        ...field.args.map((argument) => nameOf(String(argument.type))),
      ]);
    }),
  );
  return [...own, ...all.filter((type) => isScalarType(type) && !own.includes(type) && named.has(type.name))];
}

function nameOf(type: string): string {
  return type.replace(/[[\]!]/g, '');
}

function toDefinition(
  node: TypeDefinitionNode,
  graphType: GraphQLNamedType | undefined,
  view: ViewType | undefined,
  graph: Graph,
): TypeDefinitionNode {
  const head = document(node, graphType);
  switch (head.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_DEFINITION:
      return {
        ...head,
        fields: head.fields?.map((field) => {
          const origin = originOf(view, field.name.value, graph);
          const target =
            origin === undefined ? undefined : fieldOf(graph.schema.getType(origin.owner), origin.name);
          return {
            ...document(field, target),
            arguments: field.arguments?.map((argument) => {
              const name = fromText(argument.directives, 'argument') ?? argument.name.value;
              return document(
                argument,
                target?.args?.find((other) => other.name === name),
              );
            }),
          };
        }),
      };
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      return {
        ...head,
        fields: head.fields?.map((field) =>
          document(
            field,
            isInputObjectType(graphType)
              ? graphType.getFields()[fromText(field.directives, 'field') ?? field.name.value]
              : undefined,
          ),
        ),
      };
    case Kind.ENUM_TYPE_DEFINITION:
      return {
        ...head,
        values: head.values?.map((value) =>
          document(
            value,
            isEnumType(graphType)
              ? (graphType.getValue(fromText(value.directives, 'value') ?? value.name.value) ?? undefined)
              : undefined,
          ),
        ),
      };
    default:
      return head;
  }
}

/** The graph's field that a view's field is, at the end of its path. */
function originOf(
  view: ViewType | undefined,
  name: string,
  graph: Graph,
): { owner: string; name: string } | undefined {
  const steps = view?.fields.get(name)?.steps;
  if (view === undefined || steps === undefined) return undefined;
  let owner = view.graphName;
  for (const step of steps.slice(0, -1)) {
    const type = fieldOf(graph.schema.getType(owner), step)?.type;
    owner = nameOf(String(type));
  }
  return { owner, name: steps.at(-1)! };
}

function fieldOf(type: GraphQLNamedType | undefined, name: string) {
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}

/** A node without Hem's directives; its own description and deprecation, else the graph's. */
function document<
  Node extends {
    readonly description?: StringValueNode;
    readonly directives?: readonly ConstDirectiveNode[];
  },
>(node: Node, inherited: Documented | undefined): Node {
  const directives = (node.directives ?? []).filter(
    ({ name }) => name.value === 'deprecated' || name.value === 'specifiedBy' || name.value === 'oneOf',
  );
  if (
    inherited?.deprecationReason !== undefined &&
    inherited.deprecationReason !== null &&
    !directives.some(({ name }) => name.value === 'deprecated')
  ) {
    directives.push({
      kind: Kind.DIRECTIVE,
      name: { kind: Kind.NAME, value: 'deprecated' },
      arguments: [
        {
          kind: Kind.ARGUMENT,
          name: { kind: Kind.NAME, value: 'reason' },
          value: { kind: Kind.STRING, value: inherited.deprecationReason },
        },
      ],
    });
  }
  const text = inherited?.description;
  const description: StringValueNode | undefined =
    node.description ??
    (text === undefined || text === null ? undefined : { kind: Kind.STRING, value: text, block: true });
  return { ...node, description, directives };
}

function fromText(
  directives: readonly ConstDirectiveNode[] | undefined,
  argument: string,
): string | undefined {
  const node = directives?.find(({ name }) => name.value === 'from');
  const value = node?.arguments?.find(({ name }) => name.value === argument)?.value;
  return value?.kind === 'StringValue' ? value.value : undefined;
}
