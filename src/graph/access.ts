/**
 * Decides how each field of an object is had: from the object's own record, by lookups in other connectors, or by a call. Pure and
 * memoised: the answers depend on the configuration only.
 */
import { isInterfaceType, isObjectType } from 'graphql';
import type { Connector, ConnectorField, ConnectorType, Lookup } from '../load/model.ts';
import { pathsOf, type ValueMap } from '../mapping/path.ts';
import type { Access, Origin, Route } from './graph.ts';

export class AccessTable {
  readonly #known: ReadonlyMap<string, readonly Knowing[]>;
  readonly #reaches = new Map<Origin, Map<string, Reach>>();

  constructor(connectors: readonly Connector[]) {
    this.#known = whoKnows(connectors);
  }

  access(typeName: string, origin: Origin, fieldName: string): Access | undefined {
    return this.#reach(typeName, origin).access(fieldName);
  }

  #reach(typeName: string, origin: Origin): Reach {
    const byType = this.#reaches.get(origin) ?? new Map<string, Reach>();
    this.#reaches.set(origin, byType);
    const reach = byType.get(typeName) ?? new Reach(this.#known.get(typeName) ?? [], typeName, origin);
    byType.set(typeName, reach);
    return reach;
  }
}

/** A connector that has a type, and its lookups that find it. */
interface Knowing {
  readonly connector: Connector;
  readonly lookups: Lookup[];
}

function whoKnows(connectors: readonly Connector[]): ReadonlyMap<string, readonly Knowing[]> {
  const known = new Map<string, Knowing[]>();
  for (const connector of connectors) {
    const own = new Map<string, Knowing>();
    for (const name of connector.types.keys()) {
      const knowing = { connector, lookups: [] };
      own.set(name, knowing);
      const list = known.get(name);
      if (list === undefined) known.set(name, [knowing]);
      else list.push(knowing);
    }
    for (const lookup of connector.lookups)
      for (const name of foundBy(lookup)) own.get(name)?.lookups.push(lookup);
  }
  return known;
}

/** What can be had of one type, starting from one origin. Grows connector by connector until no lookup adds anything. */
class Reach {
  readonly #typeName: string;
  readonly #accesses = new Map<string, Access>();
  readonly #known: readonly Knowing[];

  constructor(known: readonly Knowing[], typeName: string, origin: Origin) {
    this.#typeName = typeName;
    this.#known = known;
    this.#addRecord(origin.connector, undefined, origin.only);
    this.#addCalls();
    const reached = new Set<Connector>(origin.only === undefined ? [origin.connector] : []);
    for (let grew = true; grew; ) {
      grew = false;
      for (const { connector, lookups } of known) {
        if (reached.has(connector)) continue;
        const lookup = this.#usableLookup(lookups);
        if (lookup === undefined) continue;
        reached.add(connector);
        grew = true;
        const keys = new Map(lookup.paths.map(firstName).map((name) => [name, this.#accesses.get(name)!]));
        this.#addRecord(connector, { lookup, keys }, undefined);
        this.#addCalls();
      }
    }
  }

  access(fieldName: string): Access | undefined {
    return this.#accesses.get(fieldName);
  }

  #addRecord(connector: Connector, route: Route | undefined, only: ReadonlySet<string> | undefined): void {
    for (const field of connector.types.get(this.#typeName)?.fields.values() ?? []) {
      if (field.source.via !== 'record' || this.#accesses.has(field.name)) continue;
      if (only === undefined || only.has(field.name))
        this.#accesses.set(field.name, { source: field, route, parent: [] });
    }
  }

  /** Calls need no record of their own connector if what they read of the parent is a key that anybody knows. */
  #addCalls(): void {
    for (let grew = true; grew; ) {
      grew = false;
      for (const { connector } of this.#known) {
        for (const field of connector.types.get(this.#typeName)?.fields.values() ?? []) {
          if (field.source.via !== 'call' || this.#accesses.has(field.name)) continue;
          const parent = this.#parentOf(field, field.source.parentFields);
          if (parent === undefined || !this.#requirable(field)) continue;
          this.#accesses.set(field.name, { source: field, route: undefined, parent });
          grew = true;
        }
      }
    }
  }

  #parentOf(field: ConnectorField, names: readonly string[]): Access['parent'] | undefined {
    const parent: Array<{ name: string; access: Access }> = [];
    for (const name of names) {
      const access = this.#accesses.get(name);
      if (access === undefined) return undefined;
      const own = access.source.owner.connector === field.owner.connector;
      if (!own && !isKeyField(field.owner, name)) return undefined;
      parent.push({ name, access });
    }
    return parent;
  }

  #requirable(field: ConnectorField): boolean {
    return field.args.every(
      ({ require }) => require === undefined || firstNames(require).every((name) => this.#accesses.has(name)),
    );
  }

  #usableLookup(lookups: readonly Lookup[]): Lookup | undefined {
    const usable = lookups.filter((lookup) =>
      lookup.paths.every((path) => this.#accesses.has(firstName(path))),
    );
    return usable.find(({ batched }) => batched) ?? usable[0];
  }
}

/** Names of the object types that a lookup finds. */
function foundBy({ connector, typeName }: Lookup): readonly string[] {
  const type = connector.schema.getType(typeName);
  return isInterfaceType(type) ? connector.schema.getPossibleTypes(type).map(({ name }) => name) : [typeName];
}

/** Whether a lookup finds objects of a type: its own, or one that implements its interface in that connector. */
export function finds(lookup: Lookup, typeName: string): boolean {
  if (lookup.typeName === typeName) return true;
  const type = lookup.connector.schema.getType(typeName);
  return isObjectType(type) && type.getInterfaces().some(({ name }) => name === lookup.typeName);
}

export function isKeyField(type: ConnectorType, name: string): boolean {
  return type.keys.some(({ paths }) => paths.some((path) => firstName(path) === name));
}

export function firstName(path: string): string {
  const dot = path.indexOf('.');
  return dot === -1 ? path : path.slice(0, dot);
}

/** The fields of the object itself that a value map begins with. */
export function firstNames(map: ValueMap): readonly string[] {
  return pathsOf(map).flatMap(([first]) => (first?.kind === 'key' ? [first.name] : []));
}
