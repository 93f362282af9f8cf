/** From a connector's checked SDL to its types: fields with their sources, keys, lookups. */
import {
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLNamedType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import { readRule, ruleNodes } from '../directives/auth-rule.ts';
import { readCacheHint, readInvalidations } from '../directives/cache-control.ts';
import { readListSize, readTypeWeight, readWeight } from '../directives/cost.ts';
import { DirectiveReader, directivesOf, has } from '../directives/directive-reader.ts';
import { readFallback } from '../directives/fallback.ts';
import { readKeys } from '../directives/keys.ts';
import { readQuotas } from '../directives/quota.ts';
import { readTags } from '../directives/tag.ts';
import { readDiscriminator, readWireValues } from '../directives/wire-names.ts';
import type { Connector, ConnectorField, ConnectorType, Lookup } from '../model.ts';
import { ROOTS } from '../root-types.ts';
import { placeOf } from '../sdl.ts';
import { readArgument } from './connector-argument.ts';
import { readFieldSource } from './field-source.ts';
import { findLookups } from './lookups.ts';
import type { TypeBuilding, TypeParts } from './type-building.ts';

const LIMIT_DIRECTIVES = new Set(['cost', 'listSize', 'quota']);
const NO_WEIGHTS: ConnectorType['inputWeights'] = new Map();

type Bare = Omit<Connector, 'types' | 'lookups'>;

export function buildTypes(bare: Bare, parts: TypeParts): Connector {
  const types = new Map<string, ConnectorType>();
  const lookups: Lookup[] = [];
  const connector: Connector = { ...bare, types, lookups };
  const reader = new DirectiveReader(bare.schema, bare.file, parts.problems);
  const building: TypeBuilding = { ...parts, connector, reader };
  for (const type of Object.values(bare.schema.getTypeMap())) {
    if (
      isIntrospectionType(type) ||
      isSpecifiedScalarType(type) ||
      type.astNode?.loc?.source.name === '(definitions)'
    )
      continue;
    types.set(type.name, new TypeBuilder(building, type).build());
  }
  lookups.push(...findLookups(connector, parts.problems));
  return connector;
}

/** Builds one type. A class only because everything here needs the same few things. */
class TypeBuilder {
  readonly #building: TypeBuilding;
  readonly #connector: Connector;
  readonly #reader: DirectiveReader;
  readonly #type: GraphQLNamedType;

  constructor(building: TypeBuilding, type: GraphQLNamedType) {
    this.#building = building;
    this.#connector = building.connector;
    this.#reader = building.reader;
    this.#type = type;
  }

  build(): ConnectorType {
    const type = this.#type;
    const directives = directivesOf(type);
    const fields = new Map<string, ConnectorField>();
    const result: ConnectorType = {
      connector: this.#connector,
      name: type.name,
      type,
      place: placeOf(type.astNode?.name.loc, this.#connector.file),
      extends: this.#building.sdl.extended.has(type.name),
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
    const args = field.args.map((argument) => readArgument(owner, field, argument, this.#building));
    const coordinate = `${owner.name}.${field.name}`;
    return {
      owner,
      name: field.name,
      coordinate,
      type: field.type,
      args,
      source: readFieldSource(owner, field, coordinate, this.#building),
      place: placeOf(field.astNode?.name.loc, this.#connector.file),
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
}
