/** A version of a usage plan, as those who decide by it know it. */
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import type { PlanVersion } from './ledger.ts';
import type { ExcludedFields } from './plan-meanings.ts';

/** One object per version, so that what follows from it can be kept by it. */
export interface KnownPlan {
  readonly name: string;
  /** Undefined for the one that clients/plans.yml has now. */
  readonly version: number | undefined;
  readonly settings: PlanSettings;
  /** What its `exclude` has ever meant, besides what it means now. */
  readonly excluded: ExcludedFields;
}

/** A version of a plan: the same object until more is recorded of it. Undefined for what nobody knows. */
export type PlansOf = (name: string, version: number) => PlanVersion | undefined;

/** Makes one object of each version that somebody asks for. */
export class KnownPlans {
  readonly #plansOf: PlansOf;
  readonly #known = new WeakMap<PlanVersion, KnownPlan>();

  constructor(plansOf: PlansOf) {
    this.#plansOf = plansOf;
  }

  get(name: string, version: number): KnownPlan | undefined {
    const kept = this.#plansOf(name, version);
    if (kept === undefined) return undefined;
    const known = this.#known.get(kept);
    if (known !== undefined) return known;
    const { settings, excluded = {} } = kept;
    const made = { name, version, settings, excluded };
    this.#known.set(kept, made);
    return made;
  }
}
