/** What a connector's folder becomes: one typed model that diagnostics, composition and engines derive from. */
import type { GraphQLInputType, GraphQLNamedType, GraphQLOutputType, GraphQLSchema } from 'graphql';
import type { CallDescription, CompiledCall, ConnectorKind, Selection } from '../connectors/kind.ts';
import type { CommonSettings } from '../connectors/settings.ts';
import type { Reader, ValueMap } from '../mapping/path.ts';
import type { Place } from '../problems.ts';
import type { Rule } from './directives/auth-rule.ts';
import type { CacheHint, Invalidation } from './directives/cache-control.ts';
import type { ListSize } from './directives/cost.ts';
import type { Quota } from './directives/quota.ts';
import type { YamlFile } from './yaml.ts';

export interface Connector {
  readonly name: string;
  readonly kind: ConnectorKind;
  readonly settings: CommonSettings;
  readonly options: unknown;
  readonly yaml: YamlFile;
  /** `connectors/<name>/schema.graphql` */
  readonly file: string;
  /** Built from the connector's SDL; still with internal fields and hidden arguments. */
  readonly schema: GraphQLSchema;
  readonly types: ReadonlyMap<string, ConnectorType>;
  readonly lookups: readonly Lookup[];
}

export interface ConnectorType {
  readonly connector: Connector;
  readonly name: string;
  readonly type: GraphQLNamedType;
  readonly place: Place;
  /** The file only says `extend type`. */
  readonly extends: boolean;
  readonly keys: readonly Key[];
  readonly fields: ReadonlyMap<string, ConnectorField>;
  readonly internal: boolean;
  readonly inaccessible: boolean;
  readonly shareable: boolean;
  readonly discriminator: Discriminator | undefined;
  /** Who may see it. */
  readonly rule: Rule | undefined;
  /** What each of its values costs; undefined where nothing is said. */
  readonly weight: number | undefined;
  /** Of input types: what their fields cost that are given. */
  readonly inputWeights: ReadonlyMap<string, number>;
  /** What plans call it. */
  readonly tags: readonly string[];
  /** How long answers with it may be kept. */
  readonly cache: CacheHint | undefined;
  /** Of enums whose values are called differently on the wire. */
  readonly wire: WireValues | undefined;
}

export interface WireValues {
  readonly toWire: ReadonlyMap<string, string>;
  readonly fromWire: ReadonlyMap<string, string>;
}

export interface Discriminator {
  readonly property: Reader;
  /** The path as written, for selections. */
  readonly path: string;
  readonly typeOf: ReadonlyMap<string, string>;
  readonly nested: boolean;
}

export interface Key {
  /** Dotted paths of leaf fields: ["id"], ["org.id", "number"]. */
  readonly paths: readonly string[];
  readonly text: string;
  readonly place: Place;
}

export interface ConnectorField {
  readonly owner: ConnectorType;
  readonly name: string;
  /** `Type.field` */
  readonly coordinate: string;
  readonly type: GraphQLOutputType;
  readonly args: readonly ConnectorArgument[];
  readonly source: RecordSource | CallSource;
  readonly place: Place;
  /** A `@lookup` stands on it, whether it works or not. */
  readonly lookup: boolean;
  readonly internal: boolean;
  readonly inaccessible: boolean;
  readonly shareable: boolean;
  readonly fallback: { readonly value: unknown } | undefined;
  /** How old an earlier answer may be that comes in place of a failure; undefined where none does. */
  readonly staleMs: number | undefined;
  /** Who may see it. */
  readonly rule: Rule | undefined;
  /** What it costs each time that it is asked for; undefined where nothing is said. */
  readonly weight: number | undefined;
  readonly listSize: ListSize | undefined;
  readonly quotas: readonly Quota[];
  /** What plans call it. */
  readonly tags: readonly string[];
  /** How long answers with it may be kept. */
  readonly cache: CacheHint | undefined;
  /** What of kept answers ends with this mutation. */
  readonly invalidates: readonly Invalidation[];
}

export interface ConnectorArgument {
  readonly name: string;
  readonly type: GraphQLInputType;
  readonly hasDefault: boolean;
  readonly defaultValue: unknown;
  readonly place: Place;
  readonly inaccessible: boolean;
  /** What it costs when it is given; undefined where nothing is said. */
  readonly weight: number | undefined;
  /** Filled from a claim: not part of the graph. */
  readonly claim: { readonly name: string; readonly optional: boolean } | undefined;
  /** Filled from fields of other connectors: not part of the graph. */
  readonly require: ValueMap | undefined;
  /** Which key fields it is, on lookups. */
  readonly is: ValueMap | undefined;
}

/** The value is in the parent's record. */
export interface RecordSource {
  readonly via: 'record';
  readonly read: Reader;
  /** What of the record is read; undefined when a function of mapping.ts does. */
  readonly map: ValueMap | undefined;
}

/** The value is a backend call of its own. */
export interface CallSource {
  readonly via: 'call';
  readonly mode: 'unary' | 'stream';
  readonly select: Reader | undefined;
  /** Fields of the parent that the binding's templates read. */
  readonly parentFields: readonly string[];
  /** Names of the caller's claims that its templates read. */
  readonly claims: readonly string[];
  /** Of these, the ones that they cannot do without. */
  readonly neededClaims: readonly string[];
  /** @throws when the binding was reported as unusable: such a configuration never serves */
  compile(connections: Connections, selection: Selection): CompiledCall;
  /** How the call reads to people. */
  describe(selection: Selection): CallDescription;
}

/** Where open connections are found, by connector name. */
export interface Connections {
  get(connector: string): import('../connectors/kind.ts').Connection<unknown>;
  /** Credentials that were got for a backend while running, and that no settings know. */
  obtained?(
    connector: string,
    caller: Pick<import('../call-context.ts').CallContext, 'principal'>,
  ): readonly string[];
  /** A call of a field as it is to be made: the same, or one that somebody watches. */
  watch?(connector: string, coordinate: string, call: CompiledCall): CompiledCall;
}

export interface Lookup {
  readonly connector: Connector;
  readonly field: ConnectorField;
  /** The type it finds: an entity, or an interface of entities. */
  readonly typeName: string;
  /** One call for many keys. */
  readonly batched: boolean;
  readonly arguments: ReadonlyArray<{
    readonly name: string;
    readonly map: ValueMap;
    readonly list: boolean;
  }>;
  /** Dotted key paths that must be known. */
  readonly paths: readonly string[];
}
