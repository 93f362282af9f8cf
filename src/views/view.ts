/** A client's schema: a view of the graph, checked, with everything about names and shapes decided. */
import type { GraphQLSchema } from 'graphql';
import type { Client } from '../load/client.ts';
import type { CacheHint, Invalidation } from '../load/directives/cache-control.ts';
import type { Values } from '../mapping/values.ts';
import type { ViewCosts } from './costs.ts';
import type { ViewRules } from './rules.ts';
import type { ViewTags } from './tags.ts';

export interface View {
  readonly client: Client;
  /** What the client sees: no Hem directive, nothing of other clients. Without resolvers. */
  readonly schema: GraphQLSchema;
  readonly types: ReadonlyMap<string, ViewType>;
  /** Who may see what; undefined when everybody may see everything. */
  readonly rules: ViewRules | undefined;
  /** What it takes to ask for what. */
  readonly costs: ViewCosts;
  /** What plans call its fields. */
  readonly tags: ViewTags;
  readonly caching: ViewCaching;
}

/** What the view itself says, on top of what connectors do. */
export interface ViewCaching {
  /** By `Type` and by `Type.field`, in the view's names. */
  readonly hints: ReadonlyMap<string, CacheHint>;
  /** By `Mutation.field`; types in the graph's names. */
  readonly invalidations: ReadonlyMap<string, readonly Invalidation[]>;
}

export interface ViewType {
  readonly name: string;
  readonly graphName: string;
  readonly fields: ReadonlyMap<string, ViewField>;
  /** Of abstract types: which of the view's types a graph type is here. */
  readonly possible: ReadonlyMap<string, string>;
  /** Of enums: the graph's value → the view's. A value that is not here is hidden. Undefined when all names are equal. */
  readonly enumToView: ReadonlyMap<string, string> | undefined;
}

export interface ViewField {
  readonly name: string;
  /** Graph fields from the owner's graph type on, at least one; all but the last give single objects. */
  readonly steps: readonly string[];
  /** The arguments of the last step. Takes the view's coerced arguments. */
  /** Whether they depend on who asks. */
  readonly usesClaims: boolean;
  readonly toGraphArguments: (values: Pick<Values, 'args' | 'claims'>) => Readonly<Record<string, unknown>>;
}
