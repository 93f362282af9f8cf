/** All connectors' schemas as one graph: what views are checked against and engines walk. */
import type { GraphQLSchema } from 'graphql';
import type { Connector, ConnectorField, ConnectorType, Lookup } from '../load/model.ts';

export interface Graph {
  readonly connectors: readonly Connector[];
  /** Without internal fields and hidden arguments; inaccessible ones are still there. Without resolvers. */
  readonly schema: GraphQLSchema;
  readonly types: ReadonlyMap<string, GraphType>;
  /** How a field of an object is had, given where the object came from. */
  access(typeName: string, origin: Origin, fieldName: string): Access | undefined;
}

export interface GraphType {
  readonly name: string;
  readonly sources: readonly ConnectorType[];
  readonly fields: ReadonlyMap<string, GraphField>;
  readonly inaccessible: boolean;
}

export interface GraphField {
  readonly owner: GraphType;
  readonly name: string;
  readonly coordinate: string;
  readonly sources: readonly ConnectorField[];
  readonly inaccessible: boolean;
}

/**
 * Where an object came from: a record of a connector, or a stub that a value map made (`@from(path: "{ id: station_id }")`), of
 * which only the named fields are there. One instance per place, so that it can be a map key.
 */
export interface Origin {
  readonly connector: Connector;
  readonly only: ReadonlySet<string> | undefined;
}

/** How a field is had. */
export interface Access {
  readonly source: ConnectorField;
  /** How the source's record is had; undefined when the object itself is that record, or the source is a call. */
  readonly route: Route | undefined;
  /** For calls: the fields of the parent that its templates read, and how each is had. */
  readonly parent: ReadonlyArray<{ readonly name: string; readonly access: Access }>;
}

/** One lookup, and from where the fields of its key are had. */
export interface Route {
  readonly lookup: Lookup;
  /** By first name of a key path. */
  readonly keys: ReadonlyMap<string, Access>;
}
