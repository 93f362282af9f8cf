/** Every field must be reachable from every place where its type appears, and must not take its parent down when its backend fails. */
import { getNamedType, isAbstractType, isNonNullType, isObjectType } from 'graphql';
import type { Connector, ConnectorField, ConnectorType } from '../load/model.ts';
import type { Place, Problems } from '../problems.ts';
import { type AccessTable, finds, firstName } from './access.ts';
import type { Origin } from './graph.ts';

/** A place where objects of a type appear. */
export interface Arrival {
  readonly typeName: string;
  readonly origin: Origin;
  readonly by: ConnectorField;
}

export function reportUnreachable(
  arrivals: readonly Arrival[],
  byName: ReadonlyMap<string, readonly ConnectorType[]>,
  table: AccessTable,
  problems: Problems,
): void {
  const unreachable = new Set<ConnectorField>();
  const endangered = new Set<ConnectorField>();
  for (const arrival of arrivals) {
    const { typeName, origin, by } = arrival;
    const names = new Set((byName.get(typeName) ?? []).flatMap(({ fields }) => [...fields.keys()]));
    for (const name of names) {
      const access = table.access(typeName, origin, name);
      const related = (place: Place) =>
        [
          { at: by.place, note: `${by.coordinate} (${origin.connector.name}) gives a ${typeName}` },
          { at: place, note: 'the field' },
        ].slice(0, place === by.place ? 1 : 2);
      if (access === undefined) {
        const field = byName
          .get(typeName)!
          .map(({ fields }) => fields.get(name))
          .find((found) => found !== undefined)!;
        if (unreachable.has(field) || field.internal) continue;
        unreachable.add(field);
        problems.report({
          rule: 'unreachable-field',
          at: field.place,
          message: `${field.coordinate} (${field.owner.connector.name}) cannot be had for the ${typeName} that ${by.coordinate} (${origin.connector.name}) gives.`,
          expected: explain(field, arrival, table),
          related: related(by.place),
        });
      } else if (access.source.owner.connector !== origin.connector || access.route !== undefined) {
        const { source } = access;
        if (!isNonNullType(source.type) || source.fallback !== undefined || endangered.has(source)) continue;
        endangered.add(source);
        problems.report({
          rule: 'endangering-field',
          at: source.place,
          message: `${source.coordinate} is not nullable, but is reached through the connector "${origin.connector.name}": if "${source.owner.connector.name}" failed, the whole ${typeName} would be lost.`,
          found: String(source.type),
          expected: `${String(source.type).slice(0, -1)}, or @fallback(value: …)`,
          related: related(by.place),
        });
      }
    }
  }
}

/** Every field that gives objects, with the origin its objects have. */
export function findArrivals(
  connectors: readonly Connector[],
  originOf: (field: ConnectorField) => Origin,
): readonly Arrival[] {
  return connectors.flatMap((connector) =>
    [...connector.types.values()].flatMap((type) =>
      [...type.fields.values()].flatMap((field): Arrival[] => {
        const named = getNamedType(field.type);
        if (field.internal || type.internal) return [];
        const concrete = isAbstractType(named)
          ? connector.schema.getPossibleTypes(named)
          : isObjectType(named)
            ? [named]
            : [];
        return concrete.map(({ name }) => ({ typeName: name, origin: originOf(field), by: field }));
      }),
    ),
  );
}

function explain(field: ConnectorField, { typeName, origin }: Arrival, table: AccessTable): string {
  const { connector } = field.owner;
  const lookups = connector.lookups.filter((lookup) => finds(lookup, typeName));
  if (field.source.via === 'call')
    return `a @key of ${typeName} that "${origin.connector.name}" knows, for ${field.source.parentFields.map((name) => `$parent.${name}`).join(', ')}`;
  if (lookups.length === 0) return `a @lookup for ${typeName} in the connector "${connector.name}"`;
  const missing = lookups.map((lookup) =>
    lookup.paths.filter((path) => table.access(typeName, origin, firstName(path)) === undefined).join(', '),
  );
  return `one of the keys ${missing.map((paths) => `(${paths})`).join(' or ')}, which the lookups of "${connector.name}" want, in "${origin.connector.name}"`;
}
