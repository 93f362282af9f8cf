/** The text of a value that may be anything. */

/** Of a scalar its own; of what has none, one that no scalar has. Never throws, which `String` does for what a backend may send. */
export function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? Array.isArray(value)
      ? '[list]'
      : '[object]'
    : String(value);
}
