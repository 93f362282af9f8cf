/** The literals and paths of connector.yml that describe messages, compiled, with their mistakes reported where they stand. */
import { type Literal, parseLiteral } from '../../mapping/literal.ts';
import { GrammarError, parsePath, type Reader, toPathReader } from '../../mapping/path.ts';
import { rootOf } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import type { ConnectorSource } from '../kind.ts';

export type Report = ConnectorSource<unknown>['report'];
export type At = readonly (string | number)[];

/** A literal whose references are all among `names`. Undefined after a reported problem. */
export function toLiteral(
  text: string,
  names: readonly string[],
  at: At,
  report: Report,
): Literal | undefined {
  const literal = parse(text, parseLiteral, at, report);
  if (literal === undefined) return undefined;
  const foreign = literal.references.filter(
    (reference) =>
      reference.source !== 'args' || reference.path.length > 1 || !names.includes(rootOf(reference)),
  );
  for (const { text: found } of foreign) {
    report(at, {
      rule: 'websocket-reference',
      message: 'This message cannot refer to that.',
      found: `$${found}`,
      expected: names.length === 0 ? 'no reference' : names.map((name) => `$${name}`).join(', '),
      hint: didYouMean(found, names),
    });
  }
  return foreign.length === 0 ? literal : undefined;
}

export function refersTo(literal: Literal, name: string): boolean {
  return literal.references.some((reference) => rootOf(reference) === name);
}

/** Undefined when absent or after a reported problem. */
export function toMessageReader(text: string | undefined, at: At, report: Report): Reader | undefined {
  if (text === undefined) return undefined;
  const path = parse(text, parsePath, at, report);
  return path === undefined ? undefined : toPathReader(path);
}

/** What tests a message. Undefined when absent or after a reported problem. */
export function toTest(
  where: Readonly<Record<string, unknown>> | undefined,
  at: At,
  report: Report,
): ((message: unknown) => boolean) | undefined {
  if (where === undefined) return undefined;
  const parts = Object.entries(where).flatMap(([path, expected]) => {
    const read = toMessageReader(path, [...at, path], report);
    return read === undefined ? [] : [{ read, expected }];
  });
  return (message) => parts.every(({ read, expected }) => read(message) === expected);
}

export function parse<T>(text: string, parser: (text: string) => T, at: At, report: Report): T | undefined {
  try {
    return parser(text);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    report(at, {
      rule: 'mapping-syntax',
      message: `"${at.join('.')}" cannot be read.`,
      found: `${error.found} at character ${error.offset + 1} of ${JSON.stringify(text)}`,
      expected: error.expected,
    });
    return undefined;
  }
}
