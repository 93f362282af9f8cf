/**
 * Problems found while loading a configuration. Everything that reads configuration reports here and goes on,
 * so that one run shows all problems and not the first.
 */

/** A place in a file of the configuration. Lines and columns count from 1. */
export interface Place {
  /** Path relative to the configuration directory. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  /** Stable kebab-case name of the rule, for tests and for `--format json`. */
  readonly rule: string;
  readonly at: Place;
  /** One sentence: what is wrong. */
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Other places that take part, e.g. the second declaration of a conflict. */
  readonly related?: ReadonlyArray<{ readonly at: Place; readonly note: string }>;
}

/** The collector that one load passes through all its phases. */
export class Problems {
  readonly #list: Problem[] = [];

  report(problem: Problem): void {
    this.#list.push(problem);
  }

  get count(): number {
    return this.#list.length;
  }

  /** All problems, sorted by file and position, without repetitions. */
  list(): readonly Problem[] {
    const seen = new Set<string>();
    return this.#list
      .filter((problem) => {
        const key = `${problem.rule} ${formatPlace(problem.at)} ${problem.message}`;
        if (seen.has(key)) return false;
        seen.add(key);
        return true;
      })
      .sort(
        (a, b) => compareText(a.at.file, b.at.file) || a.at.line - b.at.line || a.at.column - b.at.column,
      );
  }

  /** @throws {ConfigurationError} when at least one problem was reported */
  throwIfAny(): void {
    if (this.#list.length > 0) throw new ConfigurationError(this.list());
  }
}

/** A configuration that cannot be served, with every reason. */
export class ConfigurationError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems));
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

export function formatPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}

/** Problems as text for people, a paragraph each and a count at the end. */
export function formatProblems(problems: readonly Problem[]): string {
  const paragraphs = problems.map((problem) => {
    const lines = [`${formatPlace(problem.at)}  ${problem.rule}`, `  ${problem.message}`];
    if (problem.found !== undefined) lines.push(`  found     ${problem.found}`);
    if (problem.expected !== undefined) lines.push(`  expected  ${problem.expected}`);
    for (const { at, note } of problem.related ?? []) lines.push(`  see       ${formatPlace(at)}  ${note}`);
    if (problem.hint !== undefined) lines.push(`  hint      ${problem.hint}`);
    return lines.join('\n');
  });
  const files = new Set(problems.map((problem) => problem.at.file)).size;
  const count = `${problems.length} problem${problems.length === 1 ? '' : 's'} in ${files} file${files === 1 ? '' : 's'}`;
  return [...paragraphs, count].map(escapeControls).join('\n\n');
}

/** "a, b and 3 more" */
export function namesOf(names: readonly string[], most: number): string {
  const rest = names.length - most;
  return names.slice(0, most).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** "did you mean …?" for a name among its candidates, or undefined when nothing is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.max(2, Math.floor(name.length / 3));
  const near = [...candidates]
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    // With half of its letters others it is another word, unless it has hardly any.
    .filter(({ candidate: { length }, distance }) => {
      const longer = Math.max(name.length, length);
      return longer < 4 || distance * 2 < longer;
    })
    .sort((a, b) => a.distance - b.distance || compareText(a.candidate, b.candidate))
    .slice(0, 3)
    .map(({ candidate }) => `"${candidate}"`);
  return near.length === 0 ? undefined : `did you mean ${near.join(' or ')}?`;
}

/** The place of a character offset within a text. */
export function placeAt(file: string, text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { file, line, column: offset - before.lastIndexOf('\n') };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Names in files are somebody's input; a terminal must not interpret them. */
export function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** Optimal string alignment distance. */
function editDistance(a: string, b: string): number {
  let previous: number[] = [];
  let current = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const beforePrevious = previous;
    previous = current;
    current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforePrevious[j - 2]! + 1);
      }
      current.push(best);
    }
  }
  return current[b.length]!;
}
