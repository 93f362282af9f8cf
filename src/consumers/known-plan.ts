/** A version of a usage plan, as those who decide by it know it. */
import type { PlanSettings } from '../load/plan-settings.ts';

/** One object per version, so that what follows from it can be kept by it. */
export interface KnownPlan {
  readonly name: string;
  /** Undefined for the one that clients/plans.yml has now. */
  readonly version: number | undefined;
  readonly settings: PlanSettings;
}

/** What a version of a plan says: the same object for the same version. Undefined for what nobody knows. */
export type PlansOf = (name: string, version: number) => PlanSettings | undefined;

/** Makes one object of each version that somebody asks for. */
export class KnownPlans {
  readonly #plansOf: PlansOf;
  readonly #known = new WeakMap<PlanSettings, KnownPlan>();

  constructor(plansOf: PlansOf) {
    this.#plansOf = plansOf;
  }

  get(name: string, version: number): KnownPlan | undefined {
    const settings = this.#plansOf(name, version);
    if (settings === undefined) return undefined;
    const known = this.#known.get(settings);
    // Content that did not change is one object for several versions.
    if (known?.name === name && known.version === version) return known;
    const made = { name, version, settings };
    this.#known.set(settings, made);
    return made;
  }
}
