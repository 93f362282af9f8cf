/** What a caller needs to see something: the meaning of `@authenticated` and `@requiresScopes`. Rules are only ever added to each other. */
import { type ConstDirectiveNode, print } from 'graphql';
import type { DirectiveReader } from './directive-reader.ts';

/** Or of ands: a caller needs all scopes of one of them. */
export type Alternatives = readonly (readonly string[])[];

export interface Rule {
  /** Each has to be met. Without any, it is enough to be known. */
  readonly scopes: readonly Alternatives[];
  /** Equal for equal rules. */
  readonly key: string;
}

/** All of them together; undefined when there is none. */
export function allOf(rules: Iterable<Rule | undefined>): Rule | undefined {
  const given = [...rules].filter((rule) => rule !== undefined);
  return given.length < 2 ? given[0] : toRule(given.flatMap(({ scopes }) => scopes));
}

/** A rule as people read it: `a and b, or c`. */
export function describeRule({ scopes }: Pick<Rule, 'scopes'>): string {
  return scopes.length === 0 ? 'a known caller' : `the scope ${describeScopes(scopes)}`;
}

/** `(a and b, or c) and (d)` */
export function describeScopes(scopes: Rule['scopes']): string {
  const texts = scopes.map((alternatives) => alternatives.map((all) => all.join(' and ')).join(', or '));
  return texts.length === 1 ? texts[0]! : texts.map((text) => `(${text})`).join(' and ');
}

/** Whether somebody with these scopes has what a rule asks for; whether anybody is known is another question. */
export function isMetBy(scopes: ReadonlySet<string>, rule: Pick<Rule, 'scopes'>): boolean {
  return rule.scopes.every((alternatives) =>
    alternatives.some((all) => all.every((scope) => scopes.has(scope))),
  );
}

/** Whether everybody who meets the alternatives meets the rule, too. */
export function isAtLeast(alternatives: Alternatives, { scopes }: Rule): boolean {
  return scopes.every((needed) =>
    alternatives.every((own) => needed.some((all) => all.every((scope) => own.includes(scope)))),
  );
}

type Annotated = Parameters<DirectiveReader['values']>[1];

/** What stands on one element, which may be defined in several places. Problems are reported where they stand. */
export function readRule(nodes: readonly Annotated[], reader: DirectiveReader): Rule | undefined {
  return allOf(nodes.map((node) => readOne(node, reader)));
}

/** The directives of a rule on an element. */
export function ruleNodes(nodes: readonly Annotated[]): readonly ConstDirectiveNode[] {
  return nodes
    .flatMap((node) => (node?.directives ?? []) as readonly ConstDirectiveNode[])
    .filter(({ name }) => name.value === 'authenticated' || name.value === 'requiresScopes');
}

function readOne(node: Annotated, reader: DirectiveReader): Rule | undefined {
  const [directive] = ruleNodes([node]).filter(({ name }) => name.value === 'requiresScopes');
  if (directive === undefined) return ruleNodes([node]).length === 0 ? undefined : toRule([]);
  const scopes = reader.values('requiresScopes', node)?.scopes as Alternatives | undefined;
  if (scopes === undefined) return NOBODY;
  if (!checkScopes(directive, scopes, reader)) return toRule([]);
  return toRule([scopes]);
}

/** Of what cannot be read. That was reported, so nothing of it is ever served; if it were, nobody should see it. */
const NOBODY: Rule = { scopes: [[]], key: '[[]]' };

/** What OAuth calls a scope-token (RFC 6749, 3.3): tokens list them with spaces between. */
export const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

function checkScopes(directive: ConstDirectiveNode, scopes: Alternatives, reader: DirectiveReader): boolean {
  if (scopes.length === 0) {
    reader.report(directive, {
      rule: 'auth-scopes',
      message: '@requiresScopes without any alternative keeps everybody out.',
      found: '[]',
      expected: '[["a", "b"], ["c"]]: a and b, or c',
      hint: 'if nobody may see it, leave it out of the schema, or use @inaccessible',
    });
    return false;
  }
  // GraphQL reads a text where a list should be as a list of one.
  const written = directive.arguments?.find(({ name }) => name.value === 'scopes')?.value;
  if (written?.kind === 'ListValue' && written.values.length > 1) {
    const index = written.values.findIndex(({ kind }) => kind === 'StringValue');
    if (index !== -1) {
      reader.report(
        directive,
        {
          rule: 'auth-scopes',
          message: 'It is not clear whether all of these scopes are needed, or one of them.',
          found: print(written).slice(0, 80),
          expected: '[["a", "b"]] for a and b, [["a"], ["b"]] for a or b',
        },
        ['scopes', index],
      );
      return false;
    }
  }
  for (const [index, all] of scopes.entries()) {
    if (all.length === 0) {
      reader.report(
        directive,
        {
          rule: 'auth-scopes',
          message: 'An alternative of @requiresScopes without a scope lets every known caller in.',
          found: '[]',
          hint: 'say @authenticated if that is meant',
        },
        ['scopes', index],
      );
      return false;
    }
    const wrong = all.findIndex((scope) => !SCOPE.test(scope));
    if (wrong === -1) continue;
    reader.report(
      directive,
      {
        rule: 'auth-scopes',
        message: 'This is not a scope.',
        found: JSON.stringify(all[wrong]!.slice(0, 64)),
        expected: 'visible characters without spaces, quotes and backslashes',
        hint: all[wrong]!.includes(' ')
          ? 'scopes that are needed together stand in one list: ["a", "b"]'
          : undefined,
      },
      ['scopes', index, wrong],
    );
    return false;
  }
  return true;
}

function toRule(scopes: readonly Alternatives[]): Rule {
  const unique = new Map(
    scopes.map((alternatives) => {
      const sorted = alternatives.map((all) => [...new Set(all)].sort());
      const byText = new Map(sorted.map((all) => [JSON.stringify(all), all]));
      const texts = [...byText.keys()].sort();
      return [texts.join(), texts.map((text) => byText.get(text)!)] as const;
    }),
  );
  const keys = [...unique.keys()].sort();
  return { scopes: keys.map((key) => unique.get(key)!), key: `[${keys.map((key) => `[${key}]`).join()}]` };
}
