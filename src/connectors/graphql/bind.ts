/** Checks one `@graphql` directive: which field of the backend it means, with which arguments, and what it returns. */
import type { GraphQLOutputType } from 'graphql';
import type { ValueOf } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import { argumentsByName, argumentsIn, inLiteral, keysByName, reportUnused, toObject } from '../arguments.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import { type BackendField, type BackendSchema, isComposite, namedTypeOf } from './backend-schema.ts';
import { type ArgumentText, bindArguments } from './bind-arguments.ts';
import { checkAnswer } from './check-answer.ts';
import type { GraphqlSpec } from './load.ts';
import type { GraphqlOptions } from './options.ts';

export interface GraphqlBinding {
  readonly coordinate: string;
  readonly operation: 'query' | 'mutation' | 'subscription';
  /** Where the value is: below a root field, or in an entity. */
  readonly target: RootTarget | EntityTarget;
  /** Arguments of the last field of the target. */
  readonly arguments: readonly ArgumentText[];
  readonly type: GraphQLOutputType;
  /** Undefined when its SDL is not vendored. */
  readonly backend: BackendSchema | undefined;
}

export interface RootTarget {
  readonly kind: 'root';
  /** Names from the root type down; the last has the arguments. */
  readonly path: readonly string[];
  /** The composite type that the backend returns, when its SDL is vendored. */
  readonly typeName: string | undefined;
}

export interface EntityTarget {
  readonly kind: 'entity';
  readonly typeName: string;
  readonly representation: ValueOf;
  /** The one field of the entity that is wanted; the whole entity if undefined. */
  readonly field: string | undefined;
}

const TARGETS = ['query', 'mutation', 'subscription', 'entity'] as const;
const UNUSED = { rule: 'graphql-unused-argument', write: inLiteral, place: '"args"' };
const NAME = /^[A-Za-z_]\w*$/;

export function bind(
  field: FieldToBind,
  spec: GraphqlSpec,
  source: ConnectorSource<GraphqlOptions>,
): GraphqlBinding | undefined {
  const given = TARGETS.filter((target) => field.directive[target] !== undefined);
  const allowed = field.use === 'field' || field.use === 'query' ? ['query', 'entity'] : [field.use];
  if (given.length > 1 || (given[0] !== undefined && !allowed.includes(given[0]))) {
    field.report({
      rule: 'graphql-target',
      message: `@graphql on ${field.coordinate} needs one field of the backend.`,
      found: given.join(' and '),
      expected: allowed.join(' or '),
    });
    return undefined;
  }
  refuseUploads(field);
  return given[0] === 'entity' ? bindEntity(field, spec, source) : bindRoot(field, spec, source);
}

function bindRoot(
  field: FieldToBind,
  spec: GraphqlSpec,
  source: ConnectorSource<GraphqlOptions>,
): GraphqlBinding | undefined {
  const operation = field.use === 'field' ? 'query' : field.use;
  for (const name of ['representation', 'field'] as const) {
    if (field.directive[name] === undefined) continue;
    field.report({ rule: 'graphql-entity', message: `"${name}" goes with "entity" only.` }, [name]);
  }
  const text = (field.directive[operation] as string | undefined) ?? field.coordinate.split('.')[1]!;
  const path = text.split('.');
  if (!path.every((name) => NAME.test(name))) {
    field.report(
      {
        rule: 'graphql-target',
        message: 'This is not a name, nor names with dots between them.',
        found: JSON.stringify(text),
      },
      [operation],
    );
    return undefined;
  }
  const found = spec.backend === undefined ? undefined : findField(field, spec.backend, operation, path);
  if (spec.backend !== undefined && found === undefined) return undefined;
  const args = bindArguments(field, { spec, target: found, types: source.options.types });
  if (args === undefined) return undefined;
  reportUnused(field, args.used, UNUSED);
  if (found !== undefined && spec.backend !== spec.own) checkAnswer(field, found.type, spec, source);
  return {
    coordinate: field.coordinate,
    operation,
    target: { kind: 'root', path, typeName: compositeName(spec.backend, found) },
    arguments: args.texts,
    type: field.type,
    backend: spec.backend,
  };
}

/** Follows a path through the backend's types; undefined after a reported problem. */
function findField(
  field: FieldToBind,
  backend: BackendSchema,
  operation: GraphqlBinding['operation'],
  path: readonly string[],
): BackendField | undefined {
  let typeName = backend.roots[operation];
  let found: BackendField | undefined;
  for (const [index, name] of path.entries()) {
    const fields = backend.types.get(typeName)?.fields ?? new Map<string, BackendField>();
    found = fields.get(name);
    if (found === undefined) {
      field.report(
        {
          rule: 'graphql-unknown-field',
          message: `${backend.file} has no field "${name}" on ${typeName}.`,
          found: path.join('.'),
          hint: didYouMean(name, fields.keys()),
        },
        [operation],
        path.slice(0, index).join('.').length,
      );
      return undefined;
    }
    typeName = namedTypeOf(found.type);
  }
  return found;
}

function bindEntity(
  field: FieldToBind,
  spec: GraphqlSpec,
  source: ConnectorSource<GraphqlOptions>,
): GraphqlBinding | undefined {
  const typeName = String(field.directive.entity);
  const type = spec.backend?.types.get(typeName);
  if (spec.backend !== undefined && type === undefined) {
    field.report(
      {
        rule: 'graphql-unknown-type',
        message: `${spec.backend.file} has no type of this name.`,
        found: typeName,
        hint: didYouMean(typeName, spec.backend.types.keys()),
      },
      ['entity'],
    );
    return undefined;
  }
  const name = field.directive.field as string | undefined;
  const found = name === undefined ? undefined : type?.fields.get(name);
  if (name !== undefined && type !== undefined && found === undefined) {
    field.report(
      {
        rule: 'graphql-unknown-field',
        message: `${spec.backend?.file} has no field "${name}" on ${typeName}.`,
        found: name,
        hint: didYouMean(name, type.fields.keys()),
      },
      ['field'],
    );
    return undefined;
  }
  if (!NAME.test(typeName) || (name !== undefined && !NAME.test(name))) {
    field.report({
      rule: 'graphql-target',
      message: 'This is not a name.',
      found: `${typeName} ${name ?? ''}`,
    });
    return undefined;
  }
  const representation = bindRepresentation(field, typeName);
  if (representation === undefined) return undefined;
  const args =
    name === undefined
      ? { texts: [], used: new Set<string>() }
      : bindArguments(field, {
          spec,
          target: found,
          types: source.options.types,
          except: representation.used,
        });
  if (name === undefined && field.directive.args !== undefined) {
    field.report(
      { rule: 'graphql-entity', message: 'An entity has no arguments; "args" belong to its "field".' },
      ['args'],
    );
  }
  if (args === undefined) return undefined;
  reportUnused(field, args.used.union(representation.used), UNUSED);
  return {
    coordinate: field.coordinate,
    operation: 'query',
    target: { kind: 'entity', typeName, representation: representation.value, field: name },
    arguments: args.texts,
    type: field.type,
    backend: spec.backend,
  };
}

function bindRepresentation(
  field: FieldToBind,
  typeName: string,
): { value: ValueOf; used: ReadonlySet<string> } | undefined {
  if (field.directive.representation !== undefined) {
    const literal = field.literal(['representation']);
    if (literal === undefined) return undefined;
    if (literal.node.kind !== 'ObjectValue' || literal.node.fields.length === 0) {
      field.report(
        { rule: 'graphql-entity', message: 'A representation is an object.', expected: '{ id: $id }' },
        ['representation'],
      );
      return undefined;
    }
    return { value: literal.evaluate, used: argumentsIn(literal.references) };
  }
  const keys = field.use === 'field' ? keysByName(field) : argumentsByName(field);
  if (keys.length === 0) {
    field.report({
      rule: 'graphql-entity',
      message: `Nothing says which ${typeName} is meant.`,
      hint: 'add the key as an argument, or "representation"',
    });
    return undefined;
  }
  return {
    value: toObject(keys),
    used: new Set(field.use === 'field' ? [] : keys.map(({ name }) => name)),
  };
}

function compositeName(
  backend: BackendSchema | undefined,
  field: BackendField | undefined,
): string | undefined {
  if (backend === undefined || field === undefined) return undefined;
  const type = backend.types.get(namedTypeOf(field.type));
  return type !== undefined && isComposite(type) ? type.name : undefined;
}

/** GraphQL's multipart requests are no standard, and a file in JSON would silently become "{}". */
function refuseUploads(field: FieldToBind): void {
  for (const { name, type } of field.args) {
    if (!/^\W*Upload\W*$/.test(String(type))) continue;
    field.report({
      rule: 'graphql-upload',
      message: `A GraphQL backend is sent no uploads, and "${name}" of ${field.coordinate} is one.`,
      hint: 'take uploads to a REST backend, or as a pass-through route',
    });
  }
}
