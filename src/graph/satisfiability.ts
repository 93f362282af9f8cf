/** Every field must be reachable from every place where its type appears, and must not take its parent down when its backend fails. */
import { getNamedType, isAbstractType, isNonNullType, isObjectType } from 'graphql';
import type { Connector, ConnectorField, ConnectorType } from '../load/model.ts';
import type { Problems } from '../problems.ts';
import { type AccessTable, finds, firstName, firstNames } from './access.ts';
import type { Origin } from './graph.ts';

/** A place where objects of a type appear. */
export interface Arrival {
  readonly typeName: string;
  readonly origin: Origin;
  readonly by: ConnectorField;
}

/** @param ignored fields that were found unusable before */
export function reportUnreachable(
  arrivals: readonly Arrival[],
  byName: ReadonlyMap<string, readonly ConnectorType[]>,
  table: AccessTable,
  { ignored, problems }: { readonly ignored: ReadonlySet<ConnectorField>; readonly problems: Problems },
): void {
  const unreachable = new Set<ConnectorField>(ignored);
  const endangered = new Set<ConnectorField>();
  const judged = new Map<Origin, Set<string>>();
  for (const arrival of arrivals) {
    const { typeName, origin } = arrival;
    // From one origin the same is reachable, whichever field gave the object.
    const types = judged.get(origin) ?? new Set<string>();
    judged.set(origin, types);
    if (types.has(typeName)) continue;
    types.add(typeName);
    const missing: ConnectorField[] = [];
    for (const [name, field] of fieldsOf(byName.get(typeName) ?? [])) {
      const access = table.access(typeName, origin, name);
      if (access === undefined) {
        if (!unreachable.has(field)) missing.push(field);
        unreachable.add(field);
        continue;
      }
      const { source } = access;
      if (source.owner.connector === origin.connector && access.route === undefined) continue;
      if (!isNonNullType(source.type) || source.fallback !== undefined || endangered.has(source)) continue;
      endangered.add(source);
      reportEndangering(source, arrival, problems);
    }
    for (const [connector, fields] of groupByConnector(missing))
      reportGroup(connector, fields, arrival, { table, problems });
  }
}

/** The first definition of each field. */
function fieldsOf(types: readonly ConnectorType[]): ReadonlyMap<string, ConnectorField> {
  const fields = new Map<string, ConnectorField>();
  for (const type of types)
    for (const field of type.fields.values())
      if (!field.internal && !fields.has(field.name)) fields.set(field.name, field);
  return fields;
}

function groupByConnector(
  fields: readonly ConnectorField[],
): ReadonlyMap<Connector, readonly ConnectorField[]> {
  const groups = new Map<Connector, ConnectorField[]>();
  for (const field of fields) {
    const { connector } = field.owner;
    const group = groups.get(connector);
    if (group === undefined) groups.set(connector, [field]);
    else group.push(field);
  }
  return groups;
}

/** What one connector has of a type is out of reach for one reason, mostly; calls may have reasons of their own. */
function reportGroup(
  connector: Connector,
  fields: readonly ConnectorField[],
  arrival: Arrival,
  { table, problems }: { readonly table: AccessTable; readonly problems: Problems },
): void {
  const byReason = new Map<string, ConnectorField[]>();
  for (const field of fields) {
    const reason = explain(field, arrival, table);
    byReason.set(reason, [...(byReason.get(reason) ?? []), field]);
  }
  const { typeName, origin, by } = arrival;
  for (const [expected, group] of byReason) {
    const first = group[0]!;
    problems.report({
      rule: 'unreachable-field',
      at: first.place,
      message: `${group.map(({ coordinate }) => coordinate).join(', ')} of "${connector.name}" cannot be had for the ${typeName} that ${by.coordinate} of "${origin.connector.name}" gives.`,
      expected,
      related: [{ at: by.place, note: `${by.coordinate} gives a ${typeName}` }],
    });
  }
}

function reportEndangering(
  source: ConnectorField,
  { typeName, origin, by }: Arrival,
  problems: Problems,
): void {
  const type = String(source.type);
  problems.report({
    rule: 'endangering-field',
    at: source.place,
    message:
      source.owner.connector === origin.connector
        ? `${source.coordinate} is not nullable, but needs a further call: if that failed, the whole ${typeName} would be lost.`
        : `${source.coordinate} is not nullable, but is reached through the connector "${origin.connector.name}": if "${source.owner.connector.name}" failed, the whole ${typeName} would be lost.`,
    found: type,
    expected: `${type.slice(0, -1)}, or @fallback(value: …)`,
    related: [{ at: by.place, note: `${by.coordinate} of "${origin.connector.name}" gives a ${typeName}` }],
  });
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

/** What would make it reachable. */
function explain(field: ConnectorField, { typeName, origin }: Arrival, table: AccessTable): string {
  const { connector } = field.owner;
  const canBeHad = (name: string) => table.access(typeName, origin, name) !== undefined;
  if (field.source.via === 'call') {
    const unmet = field.source.parentFields.filter((name) => !canBeHad(name));
    if (unmet.length > 0)
      return `${listOf(unmet)} of ${typeName}, which the call reads, in "${origin.connector.name}"`;
    const required = field.args.flatMap(({ require }) => (require === undefined ? [] : firstNames(require)));
    const missing = required.filter((name) => !canBeHad(name));
    if (missing.length > 0) return `${listOf(missing)} of ${typeName}, which @require reads, in reach`;
    return `@key fields only: ${listOf(field.source.parentFields)} of ${typeName} is another connector's`;
  }
  const lookups = connector.lookups.filter((lookup) => finds(lookup, typeName));
  if (lookups.length === 0) return `a @lookup for ${typeName} in the connector "${connector.name}"`;
  const keys = lookups.map((lookup) => listOf(lookup.paths.filter((path) => !canBeHad(firstName(path)))));
  return `${[...new Set(keys)].join(' or ')} of ${typeName}, which ${lookups.length === 1 ? 'the lookup' : 'a lookup'} of "${connector.name}" wants, in "${origin.connector.name}"`;
}

function listOf(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
