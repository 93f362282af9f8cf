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
import {
  type Conditions,
  type Fragments,
  fragmentsOf,
  inclusionOf,
  objectTypesOf,
} from '../../plan/collect.ts';
import type { View } from '../../views/view.ts';

/** Fragments that are walked for less than all of their types. */
const MAX_SPREADS = 1000;

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
    walker.walk(root, operation.selectionSet, new Set([root.name]));
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
  readonly #possibleTypes = new Map<string, ReadonlySet<string>>();
  /** Fragments, each once for the types that may stand where it is spread. */
  readonly #spread = new Set<string>();

  constructor(schema: View['schema'], document: DocumentNode, conditions: Conditions) {
    this.#schema = schema;
    this.#fragments = fragmentsOf(schema, document, conditions);
  }

  /** @param possible names of the object types that may stand there */
  walk(
    type: GraphQLNamedType | undefined,
    { selections }: SelectionSetNode,
    possible: ReadonlySet<string>,
  ): void {
    for (const node of selections) {
      if (inclusionOf(node, this.#fragments.conditions) === 'never') continue;
      switch (node.kind) {
        case Kind.FIELD:
          this.#field(type, node, possible);
          break;
        case Kind.INLINE_FRAGMENT: {
          const name = node.typeCondition?.name.value;
          if (name === undefined) this.walk(type, node.selectionSet, possible);
          else this.#narrow(name, node.selectionSet, possible);
          break;
        }
        case Kind.FRAGMENT_SPREAD: {
          const name = node.name.value;
          const fragment = this.#fragments.byName.get(name);
          if (fragment === undefined) break;
          // Whoever narrows in more ways than that is counted for all types of the fragment.
          const isNarrowed = this.#spread.size < MAX_SPREADS;
          const id = isNarrowed ? `${name} ${[...possible].sort().join(' ')}` : name;
          if (this.#spread.has(id)) break;
          this.#spread.add(id);
          const condition = fragment.typeCondition.name.value;
          this.#narrow(condition, fragment.selectionSet, isNarrowed ? possible : this.#possible(condition));
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

  /** Nothing is used of what can never stand there. */
  #narrow(condition: string, selections: SelectionSetNode, possible: ReadonlySet<string>): void {
    const within = this.#possible(condition).intersection(possible);
    if (within.size > 0) this.walk(this.#schema.getType(condition), selections, within);
  }

  #possible(name: string): ReadonlySet<string> {
    let known = this.#possibleTypes.get(name);
    if (known === undefined) {
      known = new Set(objectTypesOf(this.#schema, this.#schema.getType(name)!).map((type) => type.name));
      this.#possibleTypes.set(name, known);
    }
    return known;
  }

  #field(type: GraphQLNamedType | undefined, node: FieldNode, possible: ReadonlySet<string>): void {
    if (!isObjectType(type) && !isInterfaceType(type)) return;
    const name = node.name.value;
    const field = type.getFields()[name];
    // Introspection, which is no part of what a client's schema offers.
    if (field === undefined) return;
    this.#note(type.name, name, node.arguments);
    // Whoever reads a field of an interface reads it of what may stand there.
    if (isInterfaceType(type)) {
      const { objects, interfaces } = this.#schema.getImplementations(type);
      for (const other of [...objects, ...interfaces])
        if (!this.#possible(other.name).isDisjointFrom(possible))
          this.#note(other.name, name, node.arguments);
    }
    for (const { name: argument, value } of node.arguments ?? [])
      this.walkValue(named(field.args.find((one) => one.name === argument.value)), value);
    const below = getNamedType(field.type);
    if (node.selectionSet !== undefined) this.walk(below, node.selectionSet, this.#possible(below.name));
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
