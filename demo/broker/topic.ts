/** Topic patterns: words between dots, where `*` is any one word and `#` any number of words, none included. */
export function matchesTopic(pattern: string, routingKey: string): boolean {
  return matches(toWords(pattern), toWords(routingKey));
}

function toWords(text: string): readonly string[] {
  return text === '' ? [] : text.split('.');
}

/** On a mismatch the last `#` takes one word more, so the work is bounded by the product of both lengths. */
function matches(pattern: readonly string[], words: readonly string[]): boolean {
  let p = 0;
  let w = 0;
  let hashAt = -1;
  let wordsAtHash = 0;
  while (w < words.length) {
    if (pattern[p] === '#') {
      hashAt = p++;
      wordsAtHash = w;
    } else if (p < pattern.length && (pattern[p] === '*' || pattern[p] === words[w])) {
      p++;
      w++;
    } else if (hashAt !== -1) {
      p = hashAt + 1;
      w = ++wordsAtHash;
    } else {
      return false;
    }
  }
  while (pattern[p] === '#') p++;
  return p === pattern.length;
}
