/** How many backend calls a plan makes at most, and how many of them wait for each other. */
import type { Chain, DescribedStep } from './describe.ts';

export interface WorstCase {
  /** `4 + 2 × station.rides[]`: `station.rides[]` is how many objects there are at this place of the answer. */
  readonly formula: string;
  /** How long every list is taken to be: nothing in a schema says how long lists are. */
  readonly listLength: number;
  /** The formula's value then. */
  readonly calls: number;
}

/** The objects at a place as a symbol: up to its last list. Undefined where there is one object. */
function listsOf(at: string): string | undefined {
  const end = at.lastIndexOf('[]');
  return end === -1 ? undefined : at.slice(0, end + 2);
}

function objectsAt(at: string, listLength: number): number {
  return listLength ** (at.split('[]').length - 1);
}

/** What fits into one call under the assumption is one call. */
export function callsAtMost(at: string, objectsPerCall: number, listLength: number): string {
  const lists = listsOf(at);
  if (lists === undefined || objectsPerCall >= objectsAt(at, listLength)) return '1';
  return objectsPerCall === 1 ? lists : `⌈${lists} / ${objectsPerCall}⌉`;
}

export function worstCaseOf(steps: readonly DescribedStep[], listLength: number): WorstCase {
  const { terms, calls } = callsOf(steps, listLength);
  const texts = [...terms].map(([term, count]) =>
    term === '1' ? String(count) : count === 1 ? term : `${count} × ${term}`,
  );
  return { formula: texts.join(' + ') || '0', listLength, calls };
}

interface Calls {
  /** How often each of {@link callsAtMost}; the plain number first. */
  readonly terms: ReadonlyMap<string, number>;
  readonly calls: number;
}

function callsOf(steps: readonly DescribedStep[], listLength: number): Calls {
  const always = steps.filter((step) => !isAlternative(step));
  // One object is of one type: of all types the dearest counts.
  const dearest = [...Map.groupBy(steps.filter(isAlternative), ({ on }) => on).values()]
    .map((group) => sumOf(group, listLength))
    .reduce((best, one) => (one.calls > best.calls ? one : best), NOTHING);
  return plus(sumOf(always, listLength), dearest);
}

function isAlternative({ on, at }: DescribedStep): boolean {
  return on !== undefined && listsOf(at) === undefined;
}

const NOTHING: Calls = { terms: new Map(), calls: 0 };

function sumOf(steps: readonly DescribedStep[], listLength: number): Calls {
  return steps
    .map(({ calls, at, objectsPerCall, steps: below }) => {
      const inside = callsOf(below, listLength);
      if (calls === null || objectsPerCall === null) return inside;
      const own = Math.ceil(objectsAt(at, listLength) / objectsPerCall);
      return plus({ terms: new Map([[calls, 1]]), calls: own }, inside);
    })
    .reduce(plus, NOTHING);
}

function plus(one: Calls, other: Calls): Calls {
  const names = new Set(['1', ...one.terms.keys(), ...other.terms.keys()]);
  const terms = [...names].map(
    (name) => [name, (one.terms.get(name) ?? 0) + (other.terms.get(name) ?? 0)] as const,
  );
  return { terms: new Map(terms.filter(([, count]) => count > 0)), calls: one.calls + other.calls };
}

const NO_CALLS: Chain = { calls: 0, steps: [] };

/** A step waits for those in `after` with everything below them, and what stands below a step for the step. */
export function longestChain(steps: readonly DescribedStep[]): Chain {
  const until = new Map<string, Chain>();
  for (const step of steps) {
    const before = longest(step.after.map((id) => until.get(id) ?? NO_CALLS));
    const own: Chain = step.calls === null ? NO_CALLS : { calls: 1, steps: [step.id] };
    until.set(step.id, joined(before, own, longestChain(step.steps)));
  }
  return longest([...until.values()]);
}

function longest(chains: readonly Chain[]): Chain {
  return chains.reduce((best, chain) => (chain.calls > best.calls ? chain : best), NO_CALLS);
}

function joined(...chains: readonly Chain[]): Chain {
  return {
    calls: chains.reduce((sum, { calls }) => sum + calls, 0),
    steps: chains.flatMap(({ steps }) => steps),
  };
}
