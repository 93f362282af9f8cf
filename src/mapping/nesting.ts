/** GraphQL's parser calls itself once per level: a text of nothing but brackets would end in a stack overflow. */

/** More than people and generators write. */
export const MAX_NESTING = 200;

const TOKEN = /"""(?:\\"""|[\s\S])*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?|#[^\n]*|[[{(\]})]/g;

/** The offset of the first bracket that lies too deep, or undefined. Strings and comments do not count. */
export function tooDeepAt(text: string): number | undefined {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '[' || token === '{' || token === '(') depth++;
    else if (token === ']' || token === '}' || token === ')') depth--;
    if (depth > MAX_NESTING) return index;
  }
  return undefined;
}
