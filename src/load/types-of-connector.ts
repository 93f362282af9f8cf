/** From a connector's checked SDL to its types: fields with their sources, keys, lookups. */
import {
  type ConstDirectiveNode,
  coerceInputLiteral,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import type { ConnectorSource } from '../connectors/kind.ts';
import {
  parsePath,
  type Reader,
  toKeyReader,
  toPathReader,
  toReader,
  type ValueMap,
} from '../mapping/path.ts';
import { didYouMean, type Problems } from '../problems.ts';
import { readRule, ruleNodes } from './auth-rule.ts';
import { readCacheHint, readInvalidations } from './cache-control.ts';
import { readListSize, readTypeWeight, readWeight } from './cost.ts';
import { DirectiveReader, directivesOf, has } from './directive-reader.ts';
import { readFallback } from './fallback.ts';
import { BindableField } from './field-to-bind.ts';
import { keyNames, readKeys } from './keys.ts';
import { findLookups } from './lookups.ts';
import type { MappingFunction } from './mapping-module.ts';
import type {
  CallSource,
  Connector,
  ConnectorArgument,
  ConnectorField,
  ConnectorType,
  Lookup,
  RecordSource,
} from './model.ts';
import { readQuotas } from './quota.ts';
import { type CheckedSdl, placeOf } from './sdl.ts';
import { readTags } from './tag.ts';
import { readDiscriminator, readWireValues } from './wire-names.ts';

interface Parts {
  readonly sdl: CheckedSdl;
  /** Undefined when the spec was unusable; bindings are then not checked. */
  readonly spec: unknown;
  readonly source: ConnectorSource<unknown>;
  /** Of mapping.ts; undefined when it could not be loaded. */
  readonly functions: ReadonlyMap<string, MappingFunction> | undefined;
  readonly problems: Problems;
}

const ROOTS: ReadonlyMap<string, 'query' | 'mutation' | 'subscription'> = new Map([
  ['Query', 'query'],
  ['Mutation', 'mutation'],
  ['Subscription', 'subscription'],
]);

const LIMIT_DIRECTIVES = new Set(['cost', 'listSize', 'quota']);
const NO_WEIGHTS: ConnectorType['inputWeights'] = new Map();

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
  readonly #reader: DirectiveReader;

  constructor(connector: Connector, type: GraphQLNamedType, parts: Parts) {
    this.#connector = connector;
    this.#type = type;
    this.#parts = parts;
    this.#file = connector.file;
    this.#reader = new DirectiveReader(connector.schema, connector.file, parts.problems);
  }

  build(): ConnectorType {
    const type = this.#type;
    const directives = directivesOf(type);
    const fields = new Map<string, ConnectorField>();
    const result: ConnectorType = {
      connector: this.#connector,
      name: type.name,
      type,
      place: placeOf(type.astNode?.name.loc, this.#file),
      extends: this.#parts.sdl.extended.has(type.name),
      keys: readKeys(type, this.#reader),
      fields,
      internal: has(directives, 'internal'),
      inaccessible: has(directives, 'inaccessible'),
      shareable: has(directives, 'shareable'),
      discriminator: readDiscriminator(type, this.#connector.schema, this.#reader),
      rule: this.#rule([type.astNode, ...type.extensionASTNodes], type.name, directives),
      weight: readTypeWeight(type, this.#reader),
      inputWeights: this.#inputWeights(),
      tags: readTags([{ directives }], type.name, this.#reader),
      cache: readCacheHint([type.astNode, ...type.extensionASTNodes], this.#reader),
      wire: readWireValues(type, this.#reader),
    };
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) fields.set(field.name, this.#field(result, field));
    }
    return result;
  }

  #field(owner: ConnectorType, field: GraphQLField<unknown, unknown>): ConnectorField {
    const directives = field.astNode?.directives ?? [];
    const args = field.args.map((argument) => this.#argument(owner, field, argument));
    const coordinate = `${owner.name}.${field.name}`;
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
      ...readFallback(field, { coordinate, isCalled: this.#isQueried(owner, directives) }, this.#reader),
      rule: this.#rule([field.astNode], coordinate, directives),
      ...this.#limits(field, coordinate),
      tags: readTags([field.astNode], coordinate, this.#reader),
      cache: readCacheHint([field.astNode], this.#reader),
      invalidates: readInvalidations(owner.name, field, this.#reader),
    };
  }

  /** Whether the field is a call of its own that changes nothing. */
  #isQueried({ name }: ConnectorType, directives: readonly ConstDirectiveNode[]): boolean {
    const isRead = (ROOTS.get(name) ?? 'query') === 'query';
    return isRead && has(directives, this.#connector.kind.kind);
  }

  #limits(
    field: GraphQLField<unknown, unknown>,
    coordinate: string,
  ): Pick<ConnectorField, 'weight' | 'listSize' | 'quotas'> {
    const directives = field.astNode?.directives ?? [];
    const node = directives.find(({ name }) => LIMIT_DIRECTIVES.has(name.value));
    if (node !== undefined && has(directives, 'internal')) {
      this.#reader.report(node, {
        rule: 'cost-place',
        message: `No caller can ask for ${coordinate}, which is @internal: its @${node.name.value} would never count.`,
        hint: 'put it on the fields that callers ask for',
      });
    }
    const scope = `connector:${this.#connector.name}`;
    return {
      weight: readWeight([field.astNode], this.#reader),
      listSize: readListSize(field, coordinate, this.#reader),
      quotas: readQuotas(field.astNode, { coordinate, scope }, this.#reader),
    };
  }

  #inputWeights(): ConnectorType['inputWeights'] {
    if (!isInputObjectType(this.#type)) return NO_WEIGHTS;
    const weights = Object.values(this.#type.getFields()).flatMap(({ name, astNode }) => {
      const weight = readWeight([astNode], this.#reader);
      return weight === undefined ? [] : [[name, weight] as const];
    });
    return weights.length === 0 ? NO_WEIGHTS : new Map(weights);
  }

  #rule(
    nodes: Parameters<typeof readRule>[0],
    coordinate: string,
    directives: readonly ConstDirectiveNode[],
  ): ConnectorField['rule'] {
    const [node] = ruleNodes(nodes);
    if (node === undefined) return undefined;
    if (has(directives, 'internal')) {
      this.#reader.report(node, {
        rule: 'auth-place',
        message: `No caller can ask for ${coordinate}, which is @internal: its rule would protect nothing.`,
        hint: 'put it on the type that is found, or on its fields',
      });
    } else if (ROOTS.has(coordinate)) {
      this.#reader.report(node, {
        rule: 'auth-place',
        message: `${coordinate} belongs to all connectors, so no single one can say who may ask it.`,
        hint: 'put it on the fields',
      });
    }
    return readRule(nodes, this.#reader);
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
    const isRoot = ROOTS.has(owner.name);
    if (binding !== undefined) {
      if (from !== undefined) {
        this.#reader.report(from, {
          rule: 'from-with-binding',
          message: `${coordinate} has both a binding and @from: a call has no parent's record.`,
          hint: 'use the "select" of the binding',
        });
      }
      return this.#call(owner, field, coordinate, binding);
    }
    if (isRoot) {
      this.#reader.reportAt(placeOf(field.astNode?.name.loc, this.#file), {
        rule: 'missing-binding',
        message: `${coordinate} is a root field and has no binding.`,
        expected: `@${kind.kind}(…) beside it`,
      });
    } else if (field.args.length > 0 && !kind.selective && !isInterfaceType(owner.type)) {
      this.#reader.reportAt(placeOf(field.args[0]!.astNode?.loc, this.#file), {
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
    const values = this.#reader.values('from', field.astNode!);
    const given = ['path', 'map', 'value'].filter((name) => values?.[name] !== undefined);
    if (given.length !== 1 || given[0] === 'value') {
      this.#reader.report(from, {
        rule: 'from-arguments',
        message: `@from on ${coordinate} needs exactly one of "path" and "map".`,
        found: given.join(' and ') || 'none',
      });
      return byName;
    }
    if (given[0] === 'map') {
      const name = String(values!.map);
      if (this.#parts.functions === undefined) return byName;
      const mapping = this.#parts.functions.get(name);
      if (mapping === undefined) {
        const names = [...this.#parts.functions.keys()];
        this.#reader.report(
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
        this.#reader.report(from, {
          rule: 'mapping-on-selective',
          message: `${coordinate}: a ${this.#connector.kind.kind} backend returns only what is selected, and what mapping.ts reads cannot be known.`,
          hint: 'use "path"',
        });
      }
      return { via: 'record', read: mapping, map: undefined };
    }
    const map = this.#reader.valueMap(from, 'path', String(values!.path));
    if (map === undefined || !this.#checkStub(from, field.type, map, String(values!.path))) return byName;
    return { via: 'record', read: toReader(map), map };
  }

  /** A value map makes an object: its names are fields of that object. */
  #checkStub(from: ConstDirectiveNode, type: GraphQLOutputType, map: ValueMap, text: string): boolean {
    const named = getNamedType(type);
    if (map.kind === 'path' || !(isObjectType(named) || isInterfaceType(named))) return true;
    const fields = named.getFields();
    return map.entries
      .map(({ name, value }) => {
        const field = fields[name];
        if (field !== undefined) return this.#checkStub(from, field.type, value, text);
        // Which of an interface's types the stub is.
        if (name === '__typename' && isInterfaceType(named)) return true;
        this.#reader.report(
          from,
          {
            rule: 'from-unknown-field',
            message: `${named.name} has no field "${name}" in this connector.`,
            expected: Object.keys(fields).join(', '),
            hint: didYouMean(name, Object.keys(fields)),
          },
          ['path'],
          Math.max(0, text.search(new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?![\\w$])`))),
        );
        return false;
      })
      .every(Boolean);
  }

  #call(
    owner: ConnectorType,
    field: GraphQLField<unknown, unknown>,
    coordinate: string,
    node: ConstDirectiveNode,
  ): CallSource {
    const { kind } = this.#connector;
    const { problems, spec, source } = this.#parts;
    const use = ROOTS.get(owner.name) ?? 'field';
    const values = this.#reader.values(kind.kind, field.astNode!) ?? {};
    if (use !== 'field' && !kind.supports[use]) {
      this.#reader.report(node, {
        rule: 'unsupported-use',
        message: `A ${kind.kind} connector has no ${use} fields.`,
        found: coordinate,
      });
    }
    const keyed = new Set(keyNames(owner.type));
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
    const usable = (): unknown => {
      if (binding === undefined) throw new Error(`${name}: ${coordinate} has no usable binding`);
      return binding;
    };
    return {
      via: 'call',
      mode: use === 'subscription' ? 'stream' : 'unary',
      select,
      parentFields: [...bindable.parentFields],
      usesClaims: bindable.usesClaims,
      neededClaims: [...bindable.neededClaims],
      compile: (connections, selection) => {
        const call = connections.get(name).compile(usable(), selection);
        return connections.watch?.(name, coordinate, call) ?? call;
      },
      describe: (selection) =>
        kind.describe({
          directive: values,
          binding: usable(),
          selection,
          settings: source.settings,
          options: source.options,
        }),
    };
  }

  #select(node: ConstDirectiveNode, select: unknown): Reader | undefined {
    if (typeof select !== 'string') return undefined;
    const path = this.#reader.parse(node, 'select', () => parsePath(select));
    return path === undefined ? undefined : toPathReader(path);
  }

  #argument(
    owner: ConnectorType,
    field: GraphQLField<unknown, unknown>,
    argument: GraphQLArgument,
  ): ConnectorArgument {
    const directives = argument.astNode?.directives ?? [];
    const is = directives.find(({ name }) => name.value === 'is');
    const require = directives.find(({ name }) => name.value === 'require');
    const isValues = this.#reader.values('is', argument.astNode);
    if (is !== undefined && (isValues?.field === undefined) === (isValues?.claim === undefined)) {
      this.#reader.report(is, {
        rule: 'is-arguments',
        message: '@is needs exactly one of "field" and "claim".',
      });
    } else if (
      is !== undefined &&
      isValues?.claim === undefined &&
      !has(field.astNode?.directives ?? [], 'lookup')
    ) {
      this.#reader.report(is, {
        rule: 'is-place',
        message: `@is(field:) says which key field an argument of a @lookup is; ${owner.name}.${field.name} is none.`,
        hint: 'add @lookup to the field, or remove @is',
      });
    }
    const requireField = this.#reader.values('require', argument.astNode)?.field;
    if (require !== undefined && ROOTS.has(owner.name)) {
      this.#reader.report(require, {
        rule: 'require-place',
        message: `@require reads other fields of the same object; ${owner.name}.${field.name} is a root field and has none.`,
      });
    }
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
      weight: readWeight([argument.astNode], this.#reader),
      claim: claimOf(isValues?.claim, argument.default !== undefined),
      is:
        is !== undefined && typeof isValues?.field === 'string'
          ? this.#reader.valueMap(is, 'field', isValues.field)
          : undefined,
      require:
        require !== undefined && typeof requireField === 'string'
          ? this.#reader.valueMap(require, 'field', requireField)
          : undefined,
    };
  }
}

/** `sub`, or `sub?` where callers may lack it; so may those of an argument with a default. */
function claimOf(written: unknown, hasDefault: boolean): ConnectorArgument['claim'] {
  if (typeof written !== 'string') return undefined;
  const isMarked = written.endsWith('?');
  return { name: isMarked ? written.slice(0, -1) : written, optional: isMarked || hasDefault };
}
