/**
 * Backends' faults as a pure function of (connector, field, key) and a seed that travels with the request: however an engine groups its
 * calls, the same thing fails in the same way.
 */
export const FAULTS_HEADER = 'x-oracle-faults';

/** How often which faults were drawn in this process, where the backends are. */
export const DRAWN_FAULTS = new Map<string, number>();

function note(what: string): void {
  const feature = `fault: ${what}`;
  DRAWN_FAULTS.set(feature, (DRAWN_FAULTS.get(feature) ?? 0) + 1);
}

/**
 * Values that a field may wrongly have. Those that could be keys are different everywhere: else what one backend wrongly says would find
 * what another wrongly says, or not, depending on what else is asked for at the same time.
 */
const WRONG: ReadonlyArray<(drawn: number) => unknown> = [
  () => null,
  () => null,
  (drawn) => 1000 + drawn + (drawn % 3 === 0 ? 0.5 : 0),
  (drawn) => `wrong ${drawn}`,
  () => ({}),
  () => [],
  () => true,
  (drawn) => (drawn % 2 === 0 ? 0.5 : 1.5),
  () => [null],
  (drawn) => ({ id: `x ${drawn}` }),
  (drawn) => (drawn % 2 === 0 ? 3_000_000_000 + drawn : -1 - drawn),
];
const STATUSES = [500, 403, 404, 429, 503, 409, 400] as const;

export class Faults {
  readonly #seed: number;
  readonly #permille: number;

  /** @param text `seed:permille`, as the header says it */
  constructor(text: string | undefined) {
    const [seed = '0', permille = '0'] = (text ?? '').split(':');
    this.#seed = Number(seed);
    this.#permille = Number(permille);
  }

  get none(): boolean {
    return this.#permille === 0;
  }

  /** The HTTP status in place of an answer, or a broken body; undefined when nothing is wrong. */
  ofCall(connector: string, field: string, key: string): number | 'garbage' | 'empty' | undefined {
    if (this.none) return undefined;
    const all = this.#draw(connector, '*', '', this.#permille / 4);
    if (all !== undefined) {
      note('a whole backend');
      return STATUSES[all % STATUSES.length];
    }
    const drawn = this.#draw(connector, field, key, this.#permille);
    if (drawn === undefined) return undefined;
    const which = drawn % (STATUSES.length + 2);
    const status = STATUSES[which];
    const fault = status ?? (which === STATUSES.length ? 'garbage' : 'empty');
    note(status === undefined ? `a body that is ${fault}` : 'a status');
    return fault;
  }

  /** What a field wrongly has; undefined when it is right. */
  ofField(connector: string, field: string, key: string): { readonly value: unknown } | undefined {
    const drawn = this.none ? undefined : this.#draw(connector, field, key, this.#permille);
    if (drawn === undefined) return undefined;
    const value = WRONG[drawn % WRONG.length]!(Math.floor(drawn / WRONG.length));
    note(value === null ? 'null' : 'a wrong type');
    return { value };
  }

  /** Whether something that is usually there is missing. */
  isMissing(connector: string, field: string, key: string): boolean {
    if (this.none || this.#draw(connector, `${field} missing`, key, this.#permille) === undefined)
      return false;
    note('a missing entity');
    return true;
  }

  #draw(connector: string, field: string, key: string, permille: number): number | undefined {
    const drawn = hash(`${this.#seed} ${connector} ${field} ${key}`);
    return drawn % 1000 < permille ? Math.floor(drawn / 1000) : undefined;
  }
}

/** FNV-1a with a finaliser, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
