/** Objects that inherit nothing, for names that others have chosen: `constructor` and `__proto__` are names like any other. */

/** A constructor, because V8 gives each object of `Object.create(null)` a hash table of its own: made and read in a quarter of the time. */
const Bare = function Bare() {} as unknown as new () => Record<string, unknown>;
Bare.prototype = Object.freeze(Object.create(null));

/** For what is made with every call; elsewhere `Object.create(null)` does. */
export function bareObject(): Record<string, unknown> {
  return new Bare();
}

/** Whether it is an object of names and values, and not one of some class. */
export function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null || prototype === Bare.prototype;
}
