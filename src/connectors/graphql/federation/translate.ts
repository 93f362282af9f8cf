/**
 * An Apollo Federation subgraph as Hem reads it: from the SDL that its `_service` answers, unedited, to plain Hem SDL.
 * What each directive becomes stands in `docs/connectors/graphql.md`.
 */
import {
  type ConstDirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
  Kind,
  type Location,
  print,
} from 'graphql';
import type { Problem } from '../../../problems.ts';
import type { ConnectorSource } from '../../kind.ts';
import { nullable } from '../backend-schema.ts';
import type { GraphqlOptions } from '../options.ts';
import {
  coordinatesOf,
  type FieldSetNode,
  FieldSetProblem,
  fieldSetText,
  leavesOf,
  parseFieldSet,
} from './field-set.ts';
import { type FederationNames, readFederationNames } from './link.ts';
import { reachableTypes } from './reachable.ts';
import { quote, toDirectives, toFields } from './snippet.ts';
import { ROOT_NAMES, readSubgraphTypes, type SubgraphType, writeType } from './subgraph-types.ts';

export function translate(document: DocumentNode, source: ConnectorSource<GraphqlOptions>): DocumentNode {
  if (!source.options.federation) return document;
  const translation = new Translation(document, source);
  return { ...document, definitions: translation.run() };
}

const ROOTS: ReadonlySet<string> = new Set(Object.values(ROOT_NAMES));
const MACHINERY: ReadonlySet<string> = new Set(['_entities', '_service']);
/** Directives of GraphQL itself, which stay. */
const PLAIN: ReadonlySet<string> = new Set(['deprecated', 'specifiedBy', 'oneOf']);
/** What restricts access is never dropped, whoever defined it: this much Hem decides itself. How long answers may be kept is Hem's, too. */
const AS_THEY_ARE: ReadonlySet<string> = new Set(['authenticated', 'requiresScopes', 'cacheControl']);
/** What they mean to Hem is what they mean to a subgraph. */
const KEPT: ReadonlySet<string> = new Set(['cost', 'listSize']);
const UNSUPPORTED: Readonly<Record<string, string>> = {
  interfaceObject: 'Hem cannot add fields to an interface through an object that stands for it.',
  fromContext: 'Hem cannot fill an argument from an object further up.',
};

interface EntityKey {
  readonly nodes: readonly FieldSetNode[];
  readonly isResolvable: boolean;
  readonly loc: Location | undefined;
}

class Translation {
  readonly #source: ConnectorSource<GraphqlOptions>;
  readonly #names: FederationNames;
  readonly #types: ReadonlyMap<string, SubgraphType>;
  readonly #keys: ReadonlyMap<string, readonly EntityKey[]>;
  /** Coordinates of fields that are part of a key, wherever. */
  readonly #keyFields: ReadonlySet<string>;
  readonly #lookupNames = new Set<string>();

  constructor(document: DocumentNode, source: ConnectorSource<GraphqlOptions>) {
    this.#source = source;
    this.#names = readFederationNames(document);
    this.#types = readSubgraphTypes(document);
    this.#keys = new Map([...this.#types.values()].map((type) => [type.name, this.#readKeys(type)]));
    this.#keyFields = new Set([...this.#keys.values()].flat().flatMap(({ nodes }) => coordinatesOf(nodes)));
  }

  run(): DocumentNode['definitions'] {
    const translated = new Map([...this.#types].map(([name, type]) => [name, this.#type(type)]));
    const lookups = [...this.#types.values()].flatMap((type) => this.#lookups(type));
    const query = translated.get('Query') ?? emptyQuery();
    translated.set('Query', { ...query, fields: [...query.fields, ...lookups] });
    this.#relaxInterfaces(translated);
    const reachable = reachableTypes(translated);
    return [...translated.values()]
      .filter((type) => reachable.has(type.name) && !(ROOTS.has(type.name) && type.fields.length === 0))
      .map(writeType);
  }

  #readKeys(type: SubgraphType): readonly EntityKey[] {
    return this.#named(type.directives, 'key').flatMap((directive): EntityKey[] => {
      const nodes = this.#fieldSet(directive, type.name);
      const resolvable = directive.arguments?.find(({ name }) => name.value === 'resolvable')?.value;
      const isResolvable = !(resolvable?.kind === Kind.BOOLEAN && !resolvable.value);
      return nodes === undefined ? [] : [{ nodes, isResolvable, loc: directive.loc }];
    });
  }

  #type(type: SubgraphType): SubgraphType {
    const isEntity = (this.#keys.get(type.name) ?? []).length > 0;
    const isRoot = ROOTS.has(type.name);
    const keys = this.#named(type.directives, 'key').flatMap((directive) =>
      toDirectives(`@key(fields: ${quote(fieldSetText(directive))})`, directive.loc),
    );
    // Federation 1 shares every type that is no entity.
    const shared =
      this.#names.version === 1 && !isEntity && !isRoot && type.node.kind === Kind.OBJECT_TYPE_DEFINITION
        ? toDirectives('@shareable', type.node.loc)
        : [];
    return {
      ...type,
      directives: [...this.#kept(type.directives), ...keys, ...shared],
      interfaces: type.interfaces,
      fields: type.fields.flatMap((field) => (isRoot ? this.#rootField(field) : this.#field(type, field))),
      inputFields: type.inputFields.map((field) => ({ ...field, directives: this.#kept(field.directives) })),
      values: type.values.map((value) => ({ ...value, directives: this.#kept(value.directives) })),
    };
  }

  #rootField(field: FieldDefinitionNode): readonly FieldDefinitionNode[] {
    if (MACHINERY.has(field.name.value)) return [];
    const plain = this.#plainField(field);
    return [
      { ...plain, directives: [...(plain.directives ?? []), ...toDirectives('@graphql', field.name.loc)] },
    ];
  }

  #field(type: SubgraphType, field: FieldDefinitionNode): readonly FieldDefinitionNode[] {
    const isKey = this.#keyFields.has(`${type.name}.${field.name.value}`);
    const isExternal = this.#has(field.directives, 'external') || this.#has(type.directives, 'external');
    if (isExternal && !isKey) return [];
    const plain = this.#plainField(field);
    const requires = this.#named(field.directives, 'requires')[0];
    if (requires !== undefined) return this.#requiringField(type, plain, requires);
    return [this.#comesByLookup(type, field) ? { ...plain, type: nullable(field.type) } : plain];
  }

  /** Whether somebody may have the entity from another connector and this field from here: must not lose the one with the other. */
  #comesByLookup(type: SubgraphType, field: FieldDefinitionNode): boolean {
    const keys = (this.#keys.get(type.name) ?? []).filter(({ isResolvable }) => isResolvable);
    return keys.some(({ nodes }) => !nodes.some(({ name }) => name === field.name.value));
  }

  #plainField(field: FieldDefinitionNode): FieldDefinitionNode {
    return {
      ...field,
      directives: this.#kept(field.directives),
      arguments: field.arguments?.map((argument) => ({
        ...argument,
        directives: this.#kept(argument.directives),
      })),
    };
  }

  /** A call of its own, with what it needs in the representation. */
  #requiringField(
    type: SubgraphType,
    field: FieldDefinitionNode,
    directive: ConstDirectiveNode,
  ): readonly FieldDefinitionNode[] {
    const key = this.#keys.get(type.name)?.find(({ isResolvable }) => isResolvable);
    const required = this.#fieldSet(directive, type.name);
    if (required === undefined) return [];
    if (key === undefined) {
      this.#report(directive.loc, {
        rule: 'federation-requires',
        message: `${type.name}.${field.name.value} has @requires, but ${type.name} has no @key to come back with.`,
      });
      return [];
    }
    if (required.some(hasNestedList)) {
      this.#report(directive.loc, {
        rule: 'federation-requires',
        message: `@requires of ${type.name}.${field.name.value} reads objects in lists of lists, which Hem cannot do.`,
      });
      return [];
    }
    const argumentOf = ({ name }: FieldSetNode) => `_require_${name}`;
    const hidden = required.map(
      (node) => `${argumentOf(node)}: JSON @require(field: ${quote(toValueMap(node))})`,
    );
    const representation = [
      ...key.nodes.map((node) => toLiteral(node, (path) => `$parent.${path.join('.')}`)),
      ...required.map((node) => `${node.name}: $${argumentOf(node)}`),
    ].join(', ');
    const binding = [
      `entity: ${quote(type.name)}`,
      `field: ${quote(field.name.value)}`,
      `representation: ${quote(`{ ${representation} }`)}`,
    ];
    const made = toFields(`f(${hidden.join(', ')}): T @graphql(${binding.join(', ')})`, directive.loc)[0]!;
    return [
      {
        ...field,
        type: nullable(field.type),
        arguments: [...(field.arguments ?? []), ...(made.arguments ?? [])],
        directives: [...(field.directives ?? []), ...(made.directives ?? [])],
      },
    ];
  }

  /** One hidden root field per key by which the subgraph finds an entity. */
  #lookups(type: SubgraphType): readonly FieldDefinitionNode[] {
    return (this.#keys.get(type.name) ?? []).flatMap(({ nodes, isResolvable, loc }) => {
      const leaves = leavesOf(nodes);
      if (!isResolvable || leaves.length === 0) return [];
      const args = leaves.map(
        ({ path, type: leaf }) =>
          `${path.join('_')}: ${nonNull(print(leaf))} @is(field: ${quote(path.join('.'))})`,
      );
      const representation = nodes.map((node) => toLiteral(node, (path) => `$${path.join('_')}`)).join(', ');
      const name = this.#lookupName(
        `_${lowerFirst(type.name)}_by_${leaves.map(({ path }) => path.join('_')).join('_')}`,
      );
      const binding = `@graphql(entity: ${quote(type.name)}, representation: ${quote(`{ ${representation} }`)})`;
      return toFields(`${name}(${args.join(', ')}): ${type.name} @lookup @internal ${binding}`, loc);
    });
  }

  #lookupName(wanted: string): string {
    let name = wanted;
    while (this.#lookupNames.has(name)) name += '_';
    this.#lookupNames.add(name);
    return name;
  }

  /** An interface promises no more than its types keep: not what became nullable, nor what another subgraph gives. */
  #relaxInterfaces(types: Map<string, SubgraphType>): void {
    for (const type of types.values()) {
      if (type.node.kind !== Kind.OBJECT_TYPE_DEFINITION) continue;
      for (const { name } of type.interfaces) {
        const promised = types.get(name.value);
        if (promised === undefined) continue;
        const fields = promised.fields.flatMap((field) => {
          const kept = type.fields.find((own) => own.name.value === field.name.value);
          if (kept === undefined) return [];
          return [kept.type.kind === Kind.NON_NULL_TYPE ? field : { ...field, type: nullable(field.type) }];
        });
        types.set(name.value, { ...promised, fields });
      }
    }
  }

  /** GraphQL's own directives, and those of federation that mean the same to Hem. Reports what must not be dropped. */
  #kept(directives: readonly ConstDirectiveNode[] | undefined): readonly ConstDirectiveNode[] {
    return (directives ?? []).flatMap((directive) => {
      const name = directive.name.value;
      if (PLAIN.has(name)) return [directive];
      const canonical = this.#names.canonicalOf(name) ?? name;
      this.#refuse(directive, canonical);
      if (AS_THEY_ARE.has(canonical))
        return [{ ...directive, name: { ...directive.name, value: canonical } }];
      if (this.#names.canonicalOf(name) === undefined) return [];
      if (KEPT.has(canonical)) return [{ ...directive, name: { ...directive.name, value: canonical } }];
      return canonical === 'inaccessible' || canonical === 'shareable'
        ? toDirectives(`@${canonical}`, directive.loc)
        : [];
    });
  }

  #refuse(directive: ConstDirectiveNode, canonical: string): void {
    if (canonical === 'policy') {
      this.#report(directive.loc, {
        rule: 'federation-guard',
        message: `Hem does not know what @${canonical} of a subgraph means, and will not serve what it protects as if it were not there.`,
        found: print(directive),
        hint: 'use @requiresScopes, or protect it in the subgraph by the headers that connector.yml forwards and take the directive out',
      });
    } else if (Object.hasOwn(UNSUPPORTED, canonical)) {
      this.#report(directive.loc, {
        rule: 'federation-unsupported',
        message: `@${canonical}: ${UNSUPPORTED[canonical]}`,
        found: print(directive),
      });
    } else if (canonical === 'override' && directive.arguments?.some(({ name }) => name.value === 'label')) {
      this.#report(directive.loc, {
        rule: 'federation-unsupported',
        message: '@override with a label: Hem cannot move a field for a part of the requests only.',
        found: print(directive),
      });
    }
  }

  #fieldSet(directive: ConstDirectiveNode, typeName: string): readonly FieldSetNode[] | undefined {
    try {
      return parseFieldSet(fieldSetText(directive), typeName, this.#types);
    } catch (error) {
      if (!(error instanceof FieldSetProblem)) throw error;
      this.#report(directive.loc, {
        rule: 'federation-field-set',
        message: `@${directive.name.value} of ${typeName} ${error.message}.`,
        found: quote(fieldSetText(directive)),
      });
      return undefined;
    }
  }

  #named(
    directives: readonly ConstDirectiveNode[] | undefined,
    canonical: string,
  ): readonly ConstDirectiveNode[] {
    return (directives ?? []).filter(({ name }) => this.#names.canonicalOf(name.value) === canonical);
  }

  #has(directives: readonly ConstDirectiveNode[] | undefined, canonical: string): boolean {
    return this.#named(directives, canonical).length > 0;
  }

  #report(loc: Location | undefined, problem: Omit<Problem, 'at'>): void {
    this.#source.reportIn('schema.graphql', loc?.source.body ?? '', loc?.start ?? 0, problem);
  }
}

/** `{ id: $org_id }` for a field of a key, leaf by leaf. */
function toLiteral(
  node: FieldSetNode,
  reference: (path: readonly string[]) => string,
  above: readonly string[] = [],
): string {
  const path = [...above, node.name];
  const value =
    node.below.length === 0
      ? reference(path)
      : `{ ${node.below.map((inner) => toLiteral(inner, reference, path)).join(', ')} }`;
  return `${node.name}: ${value}`;
}

/** A path to a leaf, or an object (or list of objects) of the same shape: `parts[] { weight, unit: unit { name } }`. */
function toValueMap({ name, lists, below }: FieldSetNode): string {
  if (below.length === 0) return name;
  const entries = below.map((node) =>
    node.below.length === 0 ? node.name : `${node.name}: ${toValueMap(node)}`,
  );
  return `${name}${lists > 0 ? '[]' : ''} { ${entries.join(', ')} }`;
}

function hasNestedList({ lists, below }: FieldSetNode): boolean {
  return below.length > 0 && (lists > 1 || below.some(hasNestedList));
}

function emptyQuery(): SubgraphType {
  const node = { kind: Kind.OBJECT_TYPE_DEFINITION, name: { kind: Kind.NAME, value: 'Query' } } as const;
  return {
    name: 'Query',
    node,
    directives: [],
    interfaces: [],
    fields: [],
    inputFields: [],
    values: [],
    members: [],
  };
}

function nonNull(type: string): string {
  return type.endsWith('!') ? type : `${type}!`;
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
