/** Keys of entities as texts. */

/** Equal for equal keys whatever their wire form: backends give 7 where "7" was asked. */
export function canonical(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  return JSON.stringify(key, (_name, value: unknown) =>
    typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
      ? String(value)
      : value,
  );
}
