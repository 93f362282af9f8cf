/** From a connector's checked SDL to its types: fields with their sources, keys, lookups. */
import {
  type ConstDirectiveNode,
  coerceInputLiteral,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  getDirectiveValues,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
  parse,
  type SelectionSetNode,
} from 'graphql';
import type { ConnectorSource } from '../connectors/kind.ts';
import {
  GrammarError,
  parsePath,
  parseValueMap,
  type Reader,
  toKeyReader,
  toPathReader,
  toReader,
  type ValueMap,
} from '../mapping/path.ts';
import { didYouMean, type Place, type Problems } from '../problems.ts';
import { BindableField } from './field-to-bind.ts';
import { findLookups } from './lookups.ts';
import type { MappingFunction } from './mapping-module.ts';
import type {
  CallSource,
  Connector,
  ConnectorArgument,
  ConnectorField,
  ConnectorType,
  Discriminator,
  Key,
  Lookup,
  RecordSource,
  WireValues,
} from './model.ts';
import { type CheckedSdl, placeInArgument, placeOf } from './sdl.ts';

interface Parts {
  readonly sdl: CheckedSdl;
  /** Undefined when the spec was unusable; bindings are then not checked. */
  readonly spec: unknown;
  readonly source: ConnectorSource<unknown>;
  readonly functions: ReadonlyMap<string, MappingFunction>;
  readonly problems: Problems;
}

const ROOTS: Readonly<Record<string, 'query' | 'mutation' | 'subscription'>> = {
  Query: 'query',
  Mutation: 'mutation',
  Subscription: 'subscription',
};

type Bare = Omit<Connector, 'types' | 'lookups'>;

export function buildTypes(bare: Bare, parts: Parts): Connector {
  const types = new Map<string, ConnectorType>();
  const lookups: Lookup[] = [];
  const connector: Connector = { ...bare, types, lookups };
  for (const type of Object.values(bare.schema.getTypeMap())) {
    if (
      isIntrospectionType(type) ||
      isSpecifiedScalarType(type) ||
      type.astNode?.loc?.source.name === '(definitions)'
    )
      continue;
    types.set(type.name, new TypeBuilder(connector, type, parts).build());
  }
  lookups.push(...findLookups(connector, parts.problems));
  return connector;
}

/** Builds one type. A class only because everything here needs the same five things. */
class TypeBuilder {
  readonly #connector: Connector;
  readonly #type: GraphQLNamedType;
  readonly #parts: Parts;
  readonly #file: string;

  constructor(connector: Connector, type: GraphQLNamedType, parts: Parts) {
    this.#connector = connector;
    this.#type = type;
    this.#parts = parts;
    this.#file = connector.file;
  }

  build(): ConnectorType {
    const type = this.#type;
    const directives = this.#directivesOf(type);
    const fields = new Map<string, ConnectorField>();
    const keys = directives.flatMap((node) => (node.name.value === 'key' ? this.#key(node) : []));
    const result: ConnectorType = {
      connector: this.#connector,
      name: type.name,
      type,
      place: placeOf(type.astNode?.name.loc, this.#file),
      extends: this.#parts.sdl.extended.has(type.name),
      keys,
      fields,
      internal: has(directives, 'internal'),
      inaccessible: has(directives, 'inaccessible'),
      shareable: has(directives, 'shareable'),
      discriminator: this.#discriminator(directives),
      wire: this.#wireValues(),
    };
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) fields.set(field.name, this.#field(result, field));
    }
    return result;
  }

  #field(owner: ConnectorType, field: GraphQLField<unknown, unknown>): ConnectorField {
    const directives = field.astNode?.directives ?? [];
    const args = field.args.map((argument) => this.#argument(argument));
    const coordinate = `${owner.name}.${field.name}`;
    const fallback = directives.find(({ name }) => name.value === 'fallback');
    return {
      owner,
      name: field.name,
      coordinate,
      type: field.type,
      args,
      source: this.#source(owner, field, coordinate, directives),
      place: placeOf(field.astNode?.name.loc, this.#file),
      lookup: has(directives, 'lookup'),
      internal: has(directives, 'internal'),
      inaccessible: has(directives, 'inaccessible'),
      shareable: has(directives, 'shareable') || owner.shareable,
      fallback:
        fallback === undefined ? undefined : { value: this.#values('fallback', field.astNode!)?.value },
    };
  }

  #source(
    owner: ConnectorType,
    field: GraphQLField<unknown, unknown>,
    coordinate: string,
    directives: readonly ConstDirectiveNode[],
  ): RecordSource | CallSource {
    const { kind } = this.#connector;
    const binding = directives.find(({ name }) => name.value === kind.kind);
    const from = directives.find(({ name }) => name.value === 'from');
    const isRoot = ROOTS[owner.name] !== undefined;
    if (binding !== undefined) {
      if (from !== undefined) {
        this.#report(from, {
          rule: 'from-with-binding',
          message: `${coordinate} has both a binding and @from: a call has no parent's record.`,
          hint: 'use the "select" of the binding',
        });
      }
      return this.#call(owner, field, coordinate, binding);
    }
    if (isRoot) {
      this.#reportAt(placeOf(field.astNode?.name.loc, this.#file), {
        rule: 'missing-binding',
        message: `${coordinate} is a root field and has no binding.`,
        expected: `@${kind.kind}(…) beside it`,
      });
    } else if (field.args.length > 0 && !kind.selective && !isInterfaceType(owner.type)) {
      this.#reportAt(placeOf(field.args[0]!.astNode?.loc, this.#file), {
        rule: 'arguments-without-binding',
        message: `${coordinate} is read from its parent's record, so nothing could use its arguments.`,
        hint: `give it a binding, @${kind.kind}(…), or remove the arguments`,
      });
    }
    return this.#record(field, coordinate, from);
  }

  #record(
    field: GraphQLField<unknown, unknown>,
    coordinate: string,
    from: ConstDirectiveNode | undefined,
  ): RecordSource {
    const byName: RecordSource = {
      via: 'record',
      read: toKeyReader(field.name),
      map: { kind: 'path', path: [{ kind: 'key', name: field.name }] },
    };
    if (from === undefined) return byName;
    const values = this.#values('from', field.astNode!);
    const given = ['path', 'map', 'value'].filter((name) => values?.[name] !== undefined);
    if (given.length !== 1 || given[0] === 'value') {
      this.#report(from, {
        rule: 'from-arguments',
        message: `@from on ${coordinate} needs exactly one of "path" and "map".`,
        found: given.join(' and ') || 'none',
      });
      return byName;
    }
    if (given[0] === 'map') {
      const name = String(values!.map);
      const mapping = this.#parts.functions.get(name);
      if (mapping === undefined) {
        const names = [...this.#parts.functions.keys()];
        this.#report(
          from,
          {
            rule: 'unknown-mapping',
            message: `mapping.ts has no export "${name}".`,
            expected: names.join(', ') || 'a mapping.ts beside schema.graphql',
            hint: didYouMean(name, names),
          },
          ['map'],
        );
        return byName;
      }
      if (this.#connector.kind.selective) {
        this.#report(from, {
          rule: 'mapping-on-selective',
          message: `${coordinate}: a ${this.#connector.kind.kind} backend returns only what is selected, and what mapping.ts reads cannot be known.`,
          hint: 'use "path"',
        });
      }
      return { via: 'record', read: mapping, map: undefined };
    }
    const map = this.#valueMap(from, 'path', String(values!.path));
    return map === undefined ? byName : { via: 'record', read: toReader(map), map };
  }

  #call(
    owner: ConnectorType,
    field: GraphQLField<unknown, unknown>,
    coordinate: string,
    node: ConstDirectiveNode,
  ): CallSource {
    const { kind } = this.#connector;
    const { problems, spec, source } = this.#parts;
    const use = ROOTS[owner.name] ?? 'field';
    const values = this.#values(kind.kind, field.astNode!) ?? {};
    if (use !== 'field' && !kind.supports[use]) {
      this.#report(node, {
        rule: 'unsupported-use',
        message: `A ${kind.kind} connector has no ${use} fields.`,
        found: coordinate,
      });
    }
    const keyed = new Set(this.#keyPaths(owner.type));
    const parent =
      use === 'field'
        ? [
            ...(isObjectType(owner.type) || isInterfaceType(owner.type)
              ? Object.values(owner.type.getFields())
              : []),
          ]
            .filter((other) => other.name !== field.name)
            .map(({ name }) => ({ name, isKey: keyed.has(name) }))
            .sort((a, b) => Number(b.isKey) - Number(a.isKey))
        : [];
    const isLookup = has(field.astNode?.directives ?? [], 'lookup');
    const bindable = new BindableField(
      { coordinate, use, field, node, directive: values, parent, isLookup, file: this.#file },
      problems,
    );
    const select = this.#select(node, values.select);
    const binding = spec === undefined ? undefined : kind.bind(bindable, spec, source);
    const { name } = this.#connector;
    return {
      via: 'call',
      mode: use === 'subscription' ? 'stream' : 'unary',
      select,
      parentFields: [...bindable.parentFields],
      compile: (connections, selection) => {
        if (binding === undefined) throw new Error(`${name}: ${coordinate} has no usable binding`);
        return connections.get(name).compile(binding, selection);
      },
    };
  }

  #select(node: ConstDirectiveNode, select: unknown): Reader | undefined {
    if (typeof select !== 'string') return undefined;
    try {
      return toPathReader(parsePath(select));
    } catch (error) {
      this.#grammarProblem(node, 'select', error);
      return undefined;
    }
  }

  #argument(argument: GraphQLArgument): ConnectorArgument {
    const directives = argument.astNode?.directives ?? [];
    const is = directives.find(({ name }) => name.value === 'is');
    const require = directives.find(({ name }) => name.value === 'require');
    const isValues = is === undefined ? undefined : this.#values('is', argument.astNode!);
    if (is !== undefined && (isValues?.field === undefined) === (isValues?.claim === undefined)) {
      this.#report(is, { rule: 'is-arguments', message: '@is needs exactly one of "field" and "claim".' });
    }
    const requireField =
      require === undefined ? undefined : this.#values('require', argument.astNode!)?.field;
    return {
      name: argument.name,
      type: argument.type,
      hasDefault: argument.default !== undefined,
      defaultValue:
        argument.default?.literal === undefined
          ? argument.default?.value
          : coerceInputLiteral(argument.default.literal, argument.type),
      place: placeOf(argument.astNode?.loc, this.#file),
      inaccessible: has(directives, 'inaccessible'),
      claim: typeof isValues?.claim === 'string' ? isValues.claim : undefined,
      is:
        is !== undefined && typeof isValues?.field === 'string'
          ? this.#valueMap(is, 'field', isValues.field)
          : undefined,
      require:
        require !== undefined && typeof requireField === 'string'
          ? this.#valueMap(require, 'field', requireField)
          : undefined,
    };
  }

  #key(node: ConstDirectiveNode): Key[] {
    const value = node.arguments?.find(({ name }) => name.value === 'fields')?.value;
    if (value?.kind !== 'StringValue') return [];
    let selection: SelectionSetNode;
    try {
      const definition = parse(`{ ${value.value} }`, { maxTokens: 1000 }).definitions[0]!;
      selection = (definition as { selectionSet: SelectionSetNode }).selectionSet;
    } catch {
      this.#report(
        node,
        {
          rule: 'key-syntax',
          message: 'The fields of @key are names, nested ones in braces.',
          found: JSON.stringify(value.value),
          expected: '"id" or "org { id } number"',
        },
        ['fields'],
      );
      return [];
    }
    const paths = this.#pathsOfKey(node, selection, this.#type);
    return paths.length === 0 ? [] : [{ paths, text: value.value, place: placeOf(node.loc, this.#file) }];
  }

  #pathsOfKey(node: ConstDirectiveNode, selection: SelectionSetNode, type: GraphQLNamedType): string[] {
    const fields = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
    return selection.selections.flatMap((part) => {
      if (part.kind !== 'Field') return [];
      const name = part.name.value;
      const field = fields[name];
      if (field === undefined) {
        this.#report(
          node,
          {
            rule: 'key-unknown-field',
            message: `${type.name} has no field "${name}" to be a key.`,
            expected: Object.keys(fields).join(', '),
            hint: didYouMean(name, Object.keys(fields)),
          },
          ['fields'],
        );
        return [];
      }
      if (isListType(isNonNullType(field.type) ? field.type.ofType : field.type)) {
        this.#report(
          node,
          { rule: 'key-list', message: `${type.name}.${name} is a list and cannot be part of a key.` },
          ['fields'],
        );
        return [];
      }
      const inner = getNamedType(field.type);
      const composite = isObjectType(inner) || isAbstractType(inner);
      if (composite !== (part.selectionSet !== undefined)) {
        this.#report(
          node,
          {
            rule: 'key-selection',
            message: composite
              ? `${type.name}.${name} is an object: its key fields go in braces.`
              : `${type.name}.${name} has no fields.`,
          },
          ['fields'],
        );
        return [];
      }
      if (part.selectionSet === undefined) return [name];
      return this.#pathsOfKey(node, part.selectionSet, inner).map((path) => `${name}.${path}`);
    });
  }

  /** First names of all key paths, read from the directives because keys of other types may not be built yet. */
  #keyPaths(type: GraphQLNamedType): string[] {
    return this.#directivesOf(type).flatMap((node) => {
      const value =
        node.name.value === 'key'
          ? node.arguments?.find(({ name }) => name.value === 'fields')?.value
          : undefined;
      return value?.kind === 'StringValue'
        ? (value.value.replace(/\{[^}]*\}/g, ' ').match(/\w+/g) ?? [])
        : [];
    });
  }

  #discriminator(directives: readonly ConstDirectiveNode[]): Discriminator | undefined {
    const type = this.#type;
    if (!isInterfaceType(type) && !isUnionType(type)) return undefined;
    const node = directives.find(({ name }) => name.value === 'discriminator');
    if (node === undefined) return undefined;
    const values = this.#values('discriminator', type.astNode!);
    if (values === undefined) return undefined;
    const possible = this.#connector.schema.getPossibleTypes(type).map(({ name }) => name);
    const mapping = values.mapping as ReadonlyArray<{ value: string; type: string }> | undefined;
    const typeOf = new Map(possible.map((name) => [name, name]));
    for (const [index, entry] of (mapping ?? []).entries()) {
      if (!possible.includes(entry.type)) {
        this.#report(
          node,
          {
            rule: 'discriminator-type',
            message: `"${entry.type}" is not one of ${type.name}'s types.`,
            expected: possible.join(', '),
            hint: didYouMean(entry.type, possible),
          },
          ['mapping', index, 'type'],
        );
      }
      typeOf.set(entry.value, entry.type);
    }
    const path = String(values.property);
    const property = this.#valueMap(node, 'property', path);
    return property === undefined
      ? undefined
      : { property: toReader(property), path, typeOf, nested: values.nested === true };
  }

  #wireValues(): WireValues | undefined {
    if (!isEnumType(this.#type)) return undefined;
    const toWire = new Map<string, string>();
    for (const value of this.#type.getValues()) {
      const wire =
        value.astNode === undefined || value.astNode === null
          ? undefined
          : this.#values('from', value.astNode)?.value;
      if (typeof wire === 'string') toWire.set(value.name, wire);
    }
    if (toWire.size === 0) return undefined;
    for (const { name } of this.#type.getValues()) if (!toWire.has(name)) toWire.set(name, name);
    return { toWire, fromWire: new Map([...toWire].map(([name, wire]) => [wire, name])) };
  }

  #valueMap(node: ConstDirectiveNode, argument: string, text: string): ValueMap | undefined {
    try {
      return parseValueMap(text);
    } catch (error) {
      this.#grammarProblem(node, argument, error);
      return undefined;
    }
  }

  #grammarProblem(node: ConstDirectiveNode, argument: string, error: unknown): void {
    if (!(error instanceof GrammarError)) throw error;
    const at = placeInArgument(node, [argument], error.offset, this.#file);
    this.#parts.problems.report({
      rule: 'mapping-syntax',
      at,
      message: `"${argument}" of @${node.name.value} cannot be read.`,
      found: error.found,
      expected: error.expected,
    });
  }

  #values(
    directive: string,
    node: Parameters<typeof getDirectiveValues>[1],
  ): Record<string, unknown> | undefined {
    try {
      return getDirectiveValues(this.#connector.schema.getDirective(directive)!, node);
    } catch {
      // Already reported when the SDL was checked.
      return undefined;
    }
  }

  #directivesOf(type: GraphQLNamedType): readonly ConstDirectiveNode[] {
    return [type.astNode, ...type.extensionASTNodes].flatMap((node) => node?.directives ?? []);
  }

  #report(
    node: ConstDirectiveNode,
    problem: Omit<Parameters<Problems['report']>[0], 'at'>,
    path: readonly (string | number)[] = [],
  ): void {
    this.#reportAt(
      path.length === 0 ? placeOf(node.loc, this.#file) : placeInArgument(node, path, 0, this.#file),
      problem,
    );
  }

  #reportAt(at: Place, problem: Omit<Parameters<Problems['report']>[0], 'at'>): void {
    this.#parts.problems.report({ at, ...problem });
  }
}

function has(directives: readonly ConstDirectiveNode[], name: string): boolean {
  return directives.some((node) => node.name.value === name);
}
