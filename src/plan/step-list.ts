/** The steps of one object while they are compiled, and for `explain` who needs each and whether it is certain to happen. */
import type { Step, StepDescription } from './plan.ts';

export class StepList {
  readonly steps: Step[] = [];
  /** The response key of the field that steps are added for. */
  asking = '';
  /** Steps that happen whatever `@skip` and `@include` say. */
  readonly #certain = new Set<number>();

  /** Returns its index. */
  add({
    conditional,
    what,
    ...step
  }: Omit<Step, 'what'> & {
    readonly what: Omit<StepDescription, 'conditional' | 'wantedBy'>;
    readonly conditional: boolean;
  }): number {
    const certain = this.#certain;
    const index = this.steps.length;
    const described: StepDescription = {
      ...what,
      wantedBy: new Set<string>(),
      get conditional() {
        return !certain.has(index);
      },
    };
    this.steps.push({ ...step, what: described });
    this.use(index, conditional);
    return index;
  }

  /** Notes who needs a step, and whether it is certain; so is then what it waits for. */
  use(index: number, conditional: boolean): void {
    const { what, after } = this.steps[index]!;
    const wantedBy = what.wantedBy as Set<string>;
    if (wantedBy.has(this.asking) && (conditional || this.#certain.has(index))) return;
    wantedBy.add(this.asking);
    if (!conditional) this.#certain.add(index);
    for (const earlier of after) this.use(earlier, conditional);
  }
}
