/** What plans grant of one view. Found out when a version of a plan is first met, and kept with it. */
import { type GraphQLSchema, printSchema } from 'graphql';
import type { KnownPlan } from '../../consumers/known-plan.ts';
import type { Principal } from '../../principal/principal.ts';
import { type Denied, deniedFields } from '../../views/denied-fields.ts';
import { grantedSchema } from '../../views/granted-schema.ts';
import type { View } from '../../views/view.ts';

/** Of a plan that does not grant every field. */
export interface Grant {
  readonly plan: KnownPlan;
  /** Unique among those of a view. */
  readonly id: number;
  readonly denied: Denied;
}

/** A schema as a plan shows it takes as much as the view's own. */
const MAX_SHOWN = 20;

interface Shown {
  readonly schema: GraphQLSchema;
  sdl: string | undefined;
}

export class Grants {
  readonly #view: View;
  readonly #grants = new WeakMap<KnownPlan, Grant | 'everything'>();
  #count = 0;
  #whole: Shown;
  /** The most recently used last. */
  readonly #shown = new Map<Grant, Shown>();

  constructor(view: View) {
    this.#view = view;
    this.#whole = { schema: view.schema, sdl: undefined };
  }

  /** Undefined where plans keep nothing from a caller. */
  of(principal: Principal | undefined): Grant | undefined {
    const plan = principal?.plan;
    if (plan === undefined) return undefined;
    const known = this.#grants.get(plan) ?? this.#make(plan);
    return known === 'everything' ? undefined : known;
  }

  /** The schema as a caller may know it. */
  schemaFor(principal: Principal | undefined): GraphQLSchema {
    return this.#shownTo(principal).schema;
  }

  /** The same as text. */
  sdlFor(principal: Principal | undefined): string {
    const shown = this.#shownTo(principal);
    shown.sdl ??= `${printSchema(shown.schema)}\n`;
    return shown.sdl;
  }

  #make(plan: KnownPlan): Grant | 'everything' {
    const { settings, excluded } = plan;
    const denied = deniedFields(this.#view, settings.fields, excluded[this.#view.client.name]);
    const grant: Grant | 'everything' =
      denied.fields.size === 0 ? 'everything' : { plan, id: ++this.#count, denied };
    this.#grants.set(plan, grant);
    return grant;
  }

  #shownTo(principal: Principal | undefined): Shown {
    const grant = this.of(principal);
    if (grant === undefined) return this.#whole;
    const shown = this.#shown.get(grant) ?? {
      schema: grantedSchema(this.#view, grant.denied),
      sdl: undefined,
    };
    this.#shown.delete(grant);
    const [oldest] = this.#shown.keys();
    if (oldest !== undefined && this.#shown.size >= MAX_SHOWN) this.#shown.delete(oldest);
    this.#shown.set(grant, shown);
    return shown;
  }
}

/** Whether any caller of a view can be held to a plan. */
export function knowsPlans({ client: { auth } }: View): boolean {
  return auth?.keys !== undefined || auth?.plan !== undefined;
}
