/** How many backend calls a plan makes at most, and how many of them wait for each other. */
import type { ObjectPlan, ObjectsPlan, Plan, StepDescription } from './plan.ts';

export interface Bounds {
  readonly worstCase: {
    /** `4 + 2 × station.rides[]`: `station.rides[]` is how many objects there are at this place of the answer. */
    readonly formula: string;
    /** How long every list is taken to be: nothing in a schema says how long lists are. */
    readonly listLength: number;
    /** The formula's value then. */
    readonly calls: number;
  };
  /** The calls that wait for each other: how many backends have to answer one after the other. */
  readonly longestChain: Chain;
}

interface Chain {
  readonly calls: number;
  /** Ids. */
  readonly steps: readonly string[];
}

export function boundsOf(plan: Plan, listLength: number): Bounds {
  const calculator = new Calculator(listLength);
  const { terms, calls, chain } =
    plan.stream === undefined
      ? calculator.ofObject(plan.root, '', plan.operation === 'mutation')
      : within('1', calculator.below(plan.stream.what, ''));
  const texts = [...terms].map(([term, count]) =>
    term === '1' ? String(count) : count === 1 ? term : `${count} × ${term}`,
  );
  return { worstCase: { formula: texts.join(' + ') || '0', listLength, calls }, longestChain: chain };
}

/** Undefined for a step that makes no call of its own. */
export function objectsPerCallOf({ kind, batchSize, describe }: StepDescription): number | undefined {
  return kind === 'stream' || describe === undefined ? undefined : (batchSize ?? describe().batchSize);
}

/** What fits into one call under the assumption is one call. */
export function callsAtMost(at: string, objectsPerCall: number, listLength: number): string {
  const lists = listsOf(at);
  if (lists === undefined || objectsPerCall >= objectsAt(at, listLength)) return '1';
  return objectsPerCall === 1 ? lists : `⌈${lists} / ${objectsPerCall}⌉`;
}

/**
 * Where the objects are that hang below a step. One that a path only leads through has no place of its own in the answer; of many
 * there are as many calls.
 */
export function placeBelow(at: string, { label, lists, below }: StepDescription): string {
  // They are of no view's type.
  if (below?.byType.size === 0 && lists === 0) return at;
  return `${at === '' ? '' : `${at}.`}${label}${'[]'.repeat(lists)}`;
}

/** The objects at a place as a symbol: up to its last list. Undefined where there is one object. */
function listsOf(at: string): string | undefined {
  const end = at.lastIndexOf('[]');
  return end === -1 ? undefined : at.slice(0, end + 2);
}

function objectsAt(at: string, listLength: number): number {
  return listLength ** (at.split('[]').length - 1);
}

interface Total {
  /** How often each of {@link callsAtMost}; the plain number first. */
  readonly terms: ReadonlyMap<string, number>;
  readonly calls: number;
  /** Ids are relative to the step above. */
  readonly chain: Chain;
}

const NO_CALLS: Chain = { calls: 0, steps: [] };
const NOTHING: Total = { terms: new Map(), calls: 0, chain: NO_CALLS };

/** What is selected once may stand below several steps, so totals are kept by what they are of. */
class Calculator {
  readonly #listLength: number;
  readonly #known = new Map<ObjectsPlan, Map<string, Total>>();

  constructor(listLength: number) {
    this.#listLength = listLength;
  }

  below(what: StepDescription, above: string): Total {
    const { below } = what;
    if (below === undefined || below.pure) return NOTHING;
    const at = placeBelow(above, what);
    const byPlace = this.#known.get(below) ?? new Map<string, Total>();
    this.#known.set(below, byPlace);
    let total = byPlace.get(at);
    if (total === undefined) {
      total = this.#ofObjects(below, at);
      byPlace.set(at, total);
    }
    return total;
  }

  /** A step waits for those in `after` with everything below them, and what hangs below a step for the step. */
  ofObject({ steps }: ObjectPlan, at: string, inTurn: boolean): Total {
    let total = NOTHING;
    const until: Chain[] = [];
    for (const [index, { what, after }] of steps.entries()) {
      const id = String(index + 1);
      const below = within(id, this.below(what, at));
      const own = this.#ownCalls(what, at);
      const waits = inTurn && index > 0 ? [index - 1] : after;
      const before = longest(waits.map((earlier) => until[earlier] ?? NO_CALLS));
      // What is asked ahead takes no longer than the call that it is asked with.
      const link = own.calls === 0 || what.ahead ? NO_CALLS : { calls: 1, steps: [id] };
      until.push(joined(before, link, below.chain));
      total = plus(plus(total, own), below);
    }
    return { ...total, chain: longest(until) };
  }

  #ofObjects({ single, byType }: ObjectsPlan, at: string): Total {
    if (single !== undefined) return this.ofObject(single, at, false);
    const each = [...byType].map(([name, plan]) => within(name, this.ofObject(plan, at, false)));
    const chain = longest(each.map((total) => total.chain));
    // One object is of one type: of all types the dearest counts. Those of a list may be of any.
    const total =
      listsOf(at) === undefined
        ? each.reduce((dearest, one) => (one.calls > dearest.calls ? one : dearest), NOTHING)
        : each.reduce(plus, NOTHING);
    return { ...total, chain };
  }

  #ownCalls(what: StepDescription, at: string): Total {
    const objectsPerCall = objectsPerCallOf(what);
    if (objectsPerCall === undefined) return NOTHING;
    const term = callsAtMost(at, objectsPerCall, this.#listLength);
    const calls = Math.ceil(objectsAt(at, this.#listLength) / objectsPerCall);
    return { terms: new Map([[term, 1]]), calls, chain: NO_CALLS };
  }
}

function plus(one: Total, other: Total): Total {
  const names = new Set(['1', ...one.terms.keys(), ...other.terms.keys()]);
  const terms = [...names].map(
    (name) => [name, (one.terms.get(name) ?? 0) + (other.terms.get(name) ?? 0)] as const,
  );
  return {
    terms: new Map(terms.filter(([, count]) => count > 0)),
    calls: one.calls + other.calls,
    chain: NO_CALLS,
  };
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

function within(prefix: string, total: Total): Total {
  const steps = total.chain.steps.map((id) => `${prefix}.${id}`);
  return { ...total, chain: { ...total.chain, steps } };
}
