/** Composes connectors into one graph. All conflicts and dead ends are found here, at once. */
import type { Connector, ConnectorField, ConnectorType } from '../load/model.ts';
import type { Problems } from '../problems.ts';
import { AccessTable } from './access.ts';
import { reportConflicts } from './conflicts.ts';
import type { Graph, GraphField, GraphType, Origin } from './graph.ts';
import { reportInvalidations } from './invalidations.ts';
import { mergeSchemas } from './merged-schema.ts';
import { reportRequirementCircles } from './requirement-circles.ts';
import { reportRequirements } from './requirements.ts';
import { findArrivals, reportUnreachable } from './satisfiability.ts';

export interface ComposedGraph extends Graph {
  originOf(field: ConnectorField): Origin;
  /** Whether any connector asks only for what is selected, so that selections have to be collected. */
  readonly selective: boolean;
}

/** Undefined after reporting problems that leave no graph to check views against. */
export function compose(connectors: readonly Connector[], problems: Problems): ComposedGraph | undefined {
  const byName = groupByName(connectors);
  const disputed = reportConflicts(byName, connectors, problems);
  if (
    ![...(byName.get('Query') ?? [])].some(({ fields }) =>
      [...fields.values()].some((field) => !field.internal),
    )
  ) {
    problems.report({
      rule: 'empty-graph',
      at: { file: 'connectors', line: 1, column: 1 },
      message: 'No connector has a field on Query.',
      expected: 'at least one root field in a connectors/<name>/schema.graphql',
    });
    return undefined;
  }
  reportInvalidations(byName, problems);
  const table = new AccessTable(connectors);
  const originOf = rememberOrigins();
  const ignored = reportRequirements(byName, problems).union(reportRequirementCircles(byName, problems));
  const arrivals = findArrivals(connectors, originOf).filter(({ typeName }) => !disputed.has(typeName));
  reportUnreachable(arrivals, byName, table, { ignored, problems });
  if (disputed.size > 0) return undefined;
  return {
    connectors,
    schema: mergeSchemas(connectors),
    types: new Map([...byName].map(([name, sources]) => [name, toGraphType(name, sources)])),
    access: (typeName, origin, fieldName) => table.access(typeName, origin, fieldName),
    originOf,
    selective: connectors.some(({ kind }) => kind.selective),
  };
}

function groupByName(connectors: readonly Connector[]): ReadonlyMap<string, readonly ConnectorType[]> {
  const byName = new Map<string, ConnectorType[]>();
  for (const connector of connectors) {
    for (const type of connector.types.values()) {
      if (type.internal) continue;
      const types = byName.get(type.name) ?? [];
      types.push(type);
      byName.set(type.name, types);
    }
  }
  return byName;
}

function toGraphType(name: string, sources: readonly ConnectorType[]): GraphType {
  const fields = new Map<string, GraphField>();
  const inaccessible = sources.some((source) => source.inaccessible);
  const type: GraphType = { name, sources, fields, inaccessible };
  for (const source of sources) {
    for (const field of source.fields.values()) {
      if (field.internal || fields.has(field.name)) continue;
      const all = sources
        .flatMap((other) => other.fields.get(field.name) ?? [])
        .filter((other) => !other.internal);
      fields.set(field.name, {
        owner: type,
        name: field.name,
        coordinate: field.coordinate,
        sources: all,
        inaccessible: inaccessible || all.some((other) => other.inaccessible),
      });
    }
  }
  return type;
}

/** One origin per connector, and one per field that makes stubs. */
function rememberOrigins(): (field: ConnectorField) => Origin {
  const whole = new Map<Connector, Origin>();
  const stubs = new Map<ConnectorField, Origin>();
  return (field) => {
    const { connector } = field.owner;
    const map = field.source.via === 'record' ? field.source.map : undefined;
    if (map?.kind === 'object') {
      const origin = stubs.get(field) ?? { connector, only: new Set(map.entries.map(({ name }) => name)) };
      stubs.set(field, origin);
      return origin;
    }
    const origin = whole.get(connector) ?? { connector, only: undefined };
    whole.set(connector, origin);
    return origin;
  };
}
