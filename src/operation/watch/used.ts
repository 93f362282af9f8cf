/** What an operation uses of its client's schema: walked once per operation and combination of its conditions, when it is first read. */
import {
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLArgument,
  type GraphQLInputType,
  type GraphQLNamedType,
  getNamedType,
  getOperationAST,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import type { UsedByOperation } from '../../metrics/operation-use.ts';
import { type Conditions, type Fragments, fragmentsOf, inclusionOf } from '../../plan/collect.ts';
import type { View } from '../../views/view.ts';

/** @param conditions undefined: whatever may be there is */
export function usedBy(
  { schema }: Pick<View, 'schema'>,
  document: DocumentNode,
  operationName: string | undefined,
  conditions: Conditions,
): UsedByOperation {
  const operation = getOperationAST(document, operationName);
  const root = operation ? schema.getRootType(operation.operation) : undefined;
  const walker = new Walker(schema, document, conditions);
  if (operation && root) {
    walker.walk(root, operation.selectionSet);
    for (const { variable, type, defaultValue } of operation.variableDefinitions ?? []) {
      if (defaultValue === undefined || !walker.variables.has(variable.name.value)) continue;
      let named = type;
      while (named.kind !== Kind.NAMED_TYPE) named = named.type;
      walker.walkValue(schema.getType(named.name.value), defaultValue);
    }
  }
  return {
    fields: [...walker.fields],
    args: [...walker.args].map(toPair),
    enumValues: [...walker.enumValues].map(toPair),
    variables: walker.variables,
  };
}

class Walker {
  readonly fields = new Set<string>();
  /** `Type.field argument` */
  readonly args = new Set<string>();
  /** `Enum VALUE` */
  readonly enumValues = new Set<string>();
  readonly variables = new Set<string>();
  readonly #schema: View['schema'];
  readonly #fragments: Fragments;
  /** A fragment says its type itself, so it is walked once, wherever it is spread. */
  readonly #spread = new Set<string>();

  constructor(schema: View['schema'], document: DocumentNode, conditions: Conditions) {
    this.#schema = schema;
    this.#fragments = fragmentsOf(schema, document, conditions);
  }

  walk(type: GraphQLNamedType | undefined, { selections }: SelectionSetNode): void {
    for (const node of selections) {
      if (inclusionOf(node, this.#fragments.conditions) === 'never') continue;
      switch (node.kind) {
        case Kind.FIELD:
          this.#field(type, node);
          break;
        case Kind.INLINE_FRAGMENT: {
          const name = node.typeCondition?.name.value;
          this.walk(name === undefined ? type : this.#schema.getType(name), node.selectionSet);
          break;
        }
        case Kind.FRAGMENT_SPREAD: {
          const name = node.name.value;
          const fragment = this.#fragments.byName.get(name);
          if (fragment === undefined || this.#spread.has(name)) break;
          this.#spread.add(name);
          this.walk(this.#schema.getType(fragment.typeCondition.name.value), fragment.selectionSet);
        }
      }
    }
  }

  /** Enum values in a value that stands in the document. */
  walkValue(type: GraphQLNamedType | undefined, value: ValueNode): void {
    // Values of scalars may be anything, and as deep as their text is long.
    if (!isEnumType(type) && !isInputObjectType(type)) return;
    switch (value.kind) {
      case Kind.ENUM:
        if (isEnumType(type)) this.enumValues.add(`${type.name} ${value.value}`);
        break;
      case Kind.LIST:
        for (const item of value.values) this.walkValue(type, item);
        break;
      case Kind.OBJECT: {
        if (!isInputObjectType(type)) break;
        const fields = type.getFields();
        for (const { name, value: inner } of value.fields) this.walkValue(named(fields[name.value]), inner);
        break;
      }
      case Kind.VARIABLE:
        this.variables.add(value.name.value);
    }
  }

  #field(type: GraphQLNamedType | undefined, node: FieldNode): void {
    if (!isObjectType(type) && !isInterfaceType(type)) return;
    const name = node.name.value;
    const field = type.getFields()[name];
    // Introspection, which is no part of what a client's schema offers.
    if (field === undefined) return;
    this.#note(type.name, name, node.arguments);
    // Whoever reads a field of an interface reads it of what may stand there.
    if (isInterfaceType(type)) {
      const { objects, interfaces } = this.#schema.getImplementations(type);
      for (const other of [...objects, ...interfaces]) this.#note(other.name, name, node.arguments);
    }
    for (const { name: argument, value } of node.arguments ?? [])
      this.walkValue(named(field.args.find((one) => one.name === argument.value)), value);
    if (node.selectionSet !== undefined) this.walk(getNamedType(field.type), node.selectionSet);
  }

  #note(type: string, field: string, args: readonly ArgumentNode[] | undefined): void {
    const coordinate = `${type}.${field}`;
    this.fields.add(coordinate);
    for (const { name } of args ?? []) this.args.add(`${coordinate} ${name.value}`);
  }
}

function named(
  of: { readonly type: GraphQLInputType } | GraphQLArgument | undefined,
): GraphQLNamedType | undefined {
  return of && getNamedType(of.type);
}

function toPair(text: string): readonly [string, string] {
  const at = text.indexOf(' ');
  return [text.slice(0, at), text.slice(at + 1)];
}
