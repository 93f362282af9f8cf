/** Variables as a text: the part of a key that says what was asked. */
import { isPlain } from '../bare-object.ts';

/** Equal exactly for equal values of the variables that an operation has. Undefined where there is more than JSON: files. */
export function canonicalVariables(
  names: readonly string[],
  variables: Readonly<Record<string, unknown>>,
): string | undefined {
  let text = '';
  for (const name of names) {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    // Not given is not the same as null.
    const part = value === undefined ? '-' : canonicalText(value);
    if (part === undefined) return undefined;
    text += `${part},`;
  }
  return text;
}

/** Depth was bounded before. */
function canonicalText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined;
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? listText(value) : objectText(value);
    default:
      return undefined;
  }
}

function listText(list: readonly unknown[]): string | undefined {
  let text = '[';
  for (const item of list) {
    const part = canonicalText(item);
    if (part === undefined) return undefined;
    text += `${part},`;
  }
  return `${text}]`;
}

/** Names in one order, whichever they came in. */
function objectText(object: object): string | undefined {
  if (!isPlain(object)) return undefined;
  let text = '{';
  for (const name of Object.keys(object).sort()) {
    const part = canonicalText((object as Record<string, unknown>)[name]);
    if (part === undefined) return undefined;
    text += `${JSON.stringify(name)}:${part},`;
  }
  return `${text}}`;
}
