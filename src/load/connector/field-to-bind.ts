/** What a connector kind sees of a field while it checks the field's binding directive. */
import type { ConstDirectiveNode, GraphQLField } from 'graphql';
import type { FieldToBind } from '../../connectors/kind.ts';
import { type Literal, parseLiteral } from '../../mapping/literal.ts';
import { GrammarError } from '../../mapping/path.ts';
import { parseTemplate, referencesOf, type Template } from '../../mapping/template.ts';
import { parseReference, type Reference, rootOf, toValueOf, type ValueOf } from '../../mapping/values.ts';
import { didYouMean, type Problem, type Problems } from '../../problems.ts';
import { placeInArgument } from '../sdl.ts';

/** What a reference may begin with besides the name of an argument. */
const SOURCES = ['parent', 'claims'];

type ArgumentPath = readonly (string | number)[];

export interface FieldFacts {
  readonly coordinate: string;
  readonly use: FieldToBind['use'];
  readonly field: GraphQLField<unknown, unknown>;
  readonly node: ConstDirectiveNode;
  readonly directive: Readonly<Record<string, unknown>>;
  readonly parent: FieldToBind['parent'];
  readonly isLookup: boolean;
  readonly file: string;
}

/** Compiles templates and literals, checks what they refer to, and remembers which of the parent's fields they read. */
export class BindableField implements FieldToBind {
  readonly coordinate: string;
  readonly use: FieldToBind['use'];
  readonly directive: Readonly<Record<string, unknown>>;
  readonly args: FieldToBind['args'];
  readonly parent: FieldToBind['parent'];
  readonly type: FieldToBind['type'];
  readonly isLookup: boolean;
  /** Fields of the parent that were referred to so far. */
  readonly parentFields = new Set<string>();
  /** Names of claims that were referred to so far. */
  readonly claims = new Set<string>();
  /** Names of claims that no caller may lack. */
  readonly neededClaims = new Set<string>();
  readonly #node: ConstDirectiveNode;
  readonly #file: string;
  readonly #problems: Problems;

  constructor(facts: FieldFacts, problems: Problems) {
    this.coordinate = facts.coordinate;
    this.use = facts.use;
    this.directive = facts.directive;
    this.args = facts.field.args.map(({ name, type, default: given }) => ({
      name,
      type,
      hasDefault: given !== undefined,
    }));
    this.parent = facts.parent;
    this.type = facts.field.type;
    this.isLookup = facts.isLookup;
    this.#node = facts.node;
    this.#file = facts.file;
    this.#problems = problems;
  }

  template(path: ArgumentPath): Template | undefined {
    const template = this.#parse(path, parseTemplate);
    return template !== undefined && this.#check(referencesOf(template), path) ? template : undefined;
  }

  literal(path: ArgumentPath): Literal | undefined {
    const literal = this.#parse(path, parseLiteral);
    return literal !== undefined && this.#check(literal.references, path) ? literal : undefined;
  }

  argument(name: string): ValueOf {
    return toValueOf(parseReference(name, 0));
  }

  parentField(name: string): ValueOf {
    this.parentFields.add(name);
    return toValueOf(parseReference(`parent.${name}`, 0));
  }

  report(problem: Omit<Problem, 'at'>, path: ArgumentPath = [], offset = 0): void {
    this.#problems.report({ at: placeInArgument(this.#node, path, offset, this.#file), ...problem });
  }

  #parse<T>(path: ArgumentPath, parse: (text: string) => T): T | undefined {
    const text = path.reduce<unknown>(
      (value, step) => (value as Record<string | number, unknown> | undefined)?.[step],
      this.directive,
    );
    if (typeof text !== 'string') return undefined;
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      this.report(
        {
          rule: 'mapping-syntax',
          message: `"${path.join('.')}" cannot be read.`,
          found: error.found,
          expected: error.expected,
        },
        path,
        error.offset,
      );
      return undefined;
    }
  }

  #check(references: readonly Reference[], path: ArgumentPath): boolean {
    return references.map((reference) => this.#checkOne(reference, path)).every(Boolean);
  }

  #checkOne(reference: Reference, path: ArgumentPath): boolean {
    const root = rootOf(reference);
    if (reference.source === 'claims') {
      this.claims.add(root);
      if (!reference.optional) this.neededClaims.add(root);
      return true;
    }
    if (reference.source === 'parent') {
      const names = this.parent.map(({ name }) => name);
      if (names.includes(root)) {
        this.parentFields.add(root);
        return true;
      }
      this.report(
        {
          rule: 'unknown-reference',
          message:
            this.use === 'field'
              ? `${this.coordinate.split('.')[0]} has no field "${root}" in this connector.`
              : `${this.coordinate} is a root field and has no parent.`,
          found: reference.text,
          expected: names.length === 0 ? undefined : names.map((name) => `parent.${name}`).join(', '),
          hint: didYouMean(
            `parent.${root}`,
            names.map((name) => `parent.${name}`),
          ),
        },
        path,
        reference.offset,
      );
      return false;
    }
    const names = this.args.map(({ name }) => name);
    if (names.includes(root)) return true;
    const parent = this.parent.some(({ name }) => name === root) ? `parent.${root}` : undefined;
    this.report(
      {
        rule: 'unknown-reference',
        message: `${this.coordinate} has no argument "${root}".`,
        found: reference.text,
        expected: names.length === 0 ? 'no reference: the field has no arguments' : names.join(', '),
        hint:
          parent === undefined
            ? didYouMean(root, [...names, ...SOURCES])
            : `"${parent}" is the field of the parent`,
      },
      path,
      reference.offset,
    );
    return false;
  }
}
