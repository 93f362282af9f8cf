/** What the graph shows of a connector's SDL: no Hem directive, nothing internal, no argument that the graph fills itself. */
import {
  type ConstDirectiveNode,
  type FieldDefinitionNode,
  Kind,
  type TypeDefinitionNode,
  type TypeExtensionNode,
} from 'graphql';
import type { Connector, ConnectorField, ConnectorType } from '../load/model.ts';

const PLAIN_DIRECTIVES = new Set(['deprecated', 'specifiedBy', 'oneOf']);

export type PlainDefinition = TypeDefinitionNode | TypeExtensionNode;

/** Of all types, those of Hem's own scalars that the connector uses among them. */
export function plainDefinitions(connector: Connector): PlainDefinition[] {
  return [
    ...[...connector.types.values()].flatMap((type) => toDefinitions(connector, type)),
    ...usedScalars(connector).map(
      (name): PlainDefinition => ({
        kind: Kind.SCALAR_TYPE_DEFINITION,
        name: { kind: Kind.NAME, value: name },
      }),
    ),
  ];
}

function toDefinitions(connector: Connector, type: ConnectorType): PlainDefinition[] {
  if (type.internal) return [];
  const nodes = [type.type.astNode, ...type.type.extensionASTNodes].filter(
    (node) => node !== null && node !== undefined,
  );
  return nodes.flatMap((node): PlainDefinition[] => {
    const directives = plain(node.directives);
    if (!('fields' in node) || node.fields === undefined) {
      const values =
        'values' in node
          ? { values: node.values?.map((value) => ({ ...value, directives: plain(value.directives) })) }
          : {};
      return [{ ...node, ...values, directives } as PlainDefinition];
    }
    if (node.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION || node.kind === Kind.INPUT_OBJECT_TYPE_EXTENSION) {
      return [
        {
          ...node,
          directives,
          fields: node.fields.map((field) => ({ ...field, directives: plain(field.directives) })),
        } as PlainDefinition,
      ];
    }
    const fields = (node.fields as readonly FieldDefinitionNode[])
      .filter((field) => !isHidden(connector, type.fields.get(field.name.value)))
      .map((field) => ({
        ...field,
        directives: plain(field.directives),
        arguments: field.arguments
          ?.filter((argument) => isVisible(type.fields.get(field.name.value), argument.name.value))
          .map((argument) => ({ ...argument, directives: plain(argument.directives) })),
      }));
    return fields.length === 0 ? [] : [{ ...node, directives, fields } as PlainDefinition];
  });
}

function isHidden(connector: Connector, field: ConnectorField | undefined): boolean {
  if (field === undefined || field.internal) return true;
  return connector.types.get(String(field.type).replace(/[[\]!]/g, ''))?.internal === true;
}

function isVisible(field: ConnectorField | undefined, argumentName: string): boolean {
  const argument = field?.args.find(({ name }) => name === argumentName);
  return argument !== undefined && argument.claim === undefined && argument.require === undefined;
}

function plain(directives: readonly ConstDirectiveNode[] | undefined): readonly ConstDirectiveNode[] {
  return (directives ?? []).filter(({ name }) => PLAIN_DIRECTIVES.has(name.value));
}

/** Scalars that only arguments of directives have. */
const OF_DIRECTIVES = new Set(['FallbackValue', 'CostWeight']);

/** Hem's own scalars that the connector uses without declaring them. */
function usedScalars(connector: Connector): string[] {
  return Object.values(connector.schema.getTypeMap())
    .filter(
      (type) =>
        type.astNode?.kind === Kind.SCALAR_TYPE_DEFINITION &&
        type.astNode.loc?.source.name === '(definitions)' &&
        !OF_DIRECTIVES.has(type.name),
    )
    .map(({ name }) => name);
}
