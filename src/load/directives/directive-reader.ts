/** Reads the directives of one connector's SDL: their values, the grammars in their texts, and where in the file they stand. */
import {
  type ConstDirectiveNode,
  GraphQLError,
  type GraphQLNamedType,
  type GraphQLSchema,
  getDirectiveValues,
} from 'graphql';
import { GrammarError, parseValueMap, type ValueMap } from '../../mapping/path.ts';
import type { Place, Problem, Problems } from '../../problems.ts';
import { placeInArgument, placeOf } from '../sdl.ts';

export type Described = Omit<Problem, 'at'>;

export class DirectiveReader {
  readonly #schema: GraphQLSchema;
  readonly #file: string;
  readonly #problems: Problems;

  constructor(schema: GraphQLSchema, file: string, problems: Problems) {
    this.#schema = schema;
    this.#file = file;
    this.#problems = problems;
  }

  /** The arguments of a directive on a node, defaults filled in; undefined when it is not there or not valid. */
  values(
    directive: string,
    node: Parameters<typeof getDirectiveValues>[1] | null | undefined,
  ): Record<string, unknown> | undefined {
    if (node === null || node === undefined) return undefined;
    try {
      return getDirectiveValues(this.#schema.getDirective(directive)!, node);
    } catch (error) {
      this.#reportValue(error);
      return undefined;
    }
  }

  /** What is missing was reported when the SDL was checked, which does not look at values. */
  #reportValue(error: unknown): void {
    if (!(error instanceof GraphQLError)) throw error;
    if (/ was not provided\.$/.test(error.message)) return;
    const [, argument, reason] =
      /^Argument "@?(.*?:)\)?" has invalid value(?: at [^:]*)?: (.*)$/s.exec(error.message) ?? [];
    const [why = '', hint] = (reason ?? error.message).split(/\s+(?=Did you mean )/);
    this.reportAt(this.place(error.nodes?.[0]), {
      rule: 'sdl-invalid',
      message: argument === undefined ? why : `The argument "@${argument})" cannot have this value: ${why}`,
      hint: hint?.replace(/^D/, 'd'),
    } as Described);
  }

  /** Undefined after reporting what is wrong with the text. */
  valueMap(node: ConstDirectiveNode, argument: string, text: string): ValueMap | undefined {
    return this.parse(node, argument, () => parseValueMap(text));
  }

  /** Undefined after reporting what is wrong with the text. */
  parse<T>(node: ConstDirectiveNode, argument: string, parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      const { found, expected, offset } = error;
      const message = `"${argument}" of @${node.name.value} cannot be read.`;
      this.report(node, { rule: 'mapping-syntax', message, found, expected }, [argument], offset);
      return undefined;
    }
  }

  place(node: { readonly loc?: ConstDirectiveNode['loc'] } | null | undefined): Place {
    return placeOf(node?.loc, this.#file);
  }

  /** At the directive, or at a character of one of its arguments. */
  report(
    node: ConstDirectiveNode,
    problem: Described,
    path: readonly (string | number)[] = [],
    offset = 0,
  ): void {
    const at =
      path.length === 0 ? placeOf(node.loc, this.#file) : placeInArgument(node, path, offset, this.#file);
    this.reportAt(at, problem);
  }

  reportAt(at: Place, problem: Described): void {
    this.#problems.report({ at, ...problem });
  }
}

/** Of a type and of its extensions. */
export function directivesOf(type: GraphQLNamedType): readonly ConstDirectiveNode[] {
  return [type.astNode, ...type.extensionASTNodes].flatMap((node) => node?.directives ?? []);
}

export function has(directives: readonly ConstDirectiveNode[], name: string): boolean {
  return directives.some((node) => node.name.value === name);
}
