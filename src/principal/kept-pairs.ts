/** What is made of two principals, kept as long as both are: who calls again is the same object, and what others keep by it is found again. */
import type { Principal } from './principal.ts';

export class KeptPairs {
  readonly #make: (one: Principal, other: Principal) => Principal;
  readonly #kept = new WeakMap<Principal, WeakMap<Principal, Principal>>();

  constructor(make: (one: Principal, other: Principal) => Principal) {
    this.#make = make;
  }

  get(one: Principal, other: Principal): Principal {
    let byOther = this.#kept.get(one);
    if (byOther === undefined) {
      byOther = new WeakMap();
      this.#kept.set(one, byOther);
    }
    const known = byOther.get(other);
    if (known !== undefined) return known;
    const made = Object.freeze(this.#make(one, other));
    byOther.set(other, made);
    return made;
  }
}
