/** From a view field's arguments to the graph field's: by name, by `@from(argument:)`, or by the literal of `@from(args:)`. */
import { type GraphQLArgument, type GraphQLInputType, isNonNullType, Kind } from 'graphql';
import { bareObject } from '../bare-object.ts';
import type { Literal } from '../mapping/literal.ts';
import { rootOf } from '../mapping/values.ts';
import { didYouMean, type Problem } from '../problems.ts';
import { checkLiteral } from './check-literal.ts';
import { inputMismatch } from './input-fit.ts';
import type { ViewField } from './view.ts';

/** How input types of a view relate to the graph's. */
export interface InputMapping {
  /** The graph's name of a view's input type. */
  graphName(viewName: string): string;
  /** Converts a coerced view value; undefined when the two are the same. */
  converter(type: GraphQLInputType): ((value: unknown) => unknown) | undefined;
}

type Described = Omit<Problem, 'at'>;
/** @param offset within the text that is judged */
export type Report = (problem: Described, offset?: number) => void;

/** The graph's field that is asked. */
interface Target {
  readonly graphArguments: readonly GraphQLArgument[];
  /** `Type.field` in the graph, for messages. */
  readonly coordinate: string;
  readonly inputs: InputMapping;
  readonly report: Report;
}

/** One for all: most fields have no arguments, and a closure each would outweigh the fields. */
const AS_GIVEN: ViewField['toGraphArguments'] = ({ args }) => args;

/** Arguments that keep their names or are renamed one by one. */
export function mapByName(
  viewArguments: ReadonlyArray<{
    readonly argument: GraphQLArgument;
    readonly graphName: string;
    readonly report: (problem: Described, part?: 'name' | 'type') => void;
  }>,
  { graphArguments, inputs, report, coordinate }: Target,
): ViewField['toGraphArguments'] {
  if (viewArguments.length === 0 && graphArguments.length === 0) return AS_GIVEN;
  const names = graphArguments.map(({ name }) => name);
  const moves: Array<{ from: string; to: string; convert: ((value: unknown) => unknown) | undefined }> = [];
  let unknown = false;
  for (const { argument, graphName, report: reportArgument } of viewArguments) {
    const target = graphArguments.find(({ name }) => name === graphName);
    if (target === undefined) {
      unknown = true;
      reportArgument({
        rule: 'unknown-argument',
        message: `${coordinate} has no argument "${graphName}" in the graph.`,
        expected: names.length === 0 ? 'no arguments' : names.join(', '),
        hint:
          didYouMean(graphName, names) ??
          (names.length === 0 ? undefined : `if it is one of them: @from(argument: "${names[0]}")`),
      });
      continue;
    }
    const mismatch = inputMismatch(
      argument.type,
      target.type,
      argument.default !== undefined || target.default !== undefined,
      inputs,
    );
    if (mismatch !== undefined) {
      reportArgument(
        {
          rule: 'argument-type',
          message: `The argument "${argument.name}" does not fit the graph's.`,
          found: String(argument.type),
          expected: mismatch,
        },
        'type',
      );
    }
    moves.push({ from: argument.name, to: graphName, convert: inputs.converter(argument.type) });
  }
  // An unknown argument is likely the one that is missing.
  if (!unknown) reportMissing(graphArguments, new Set(moves.map(({ to }) => to)), report, coordinate);
  if (moves.every(({ from, to, convert }) => from === to && convert === undefined)) return AS_GIVEN;
  return ({ args }) => {
    const result = bareObject();
    for (const { from, to, convert } of moves) {
      if (!Object.hasOwn(args, from)) continue;
      const value = args[from];
      result[to] = convert === undefined || value === null ? value : convert(value);
    }
    return result;
  };
}

/** Arguments that a literal makes up: locked, defaulted, combined, taken from claims. */
export function mapByLiteral(
  viewArguments: readonly GraphQLArgument[],
  literal: Literal,
  target: Target & { readonly reportArgument: (argument: GraphQLArgument, problem: Described) => void },
): ViewField['toGraphArguments'] {
  const { graphArguments, inputs, report, coordinate } = target;
  checkReferences(viewArguments, literal, target);
  if (literal.node.kind !== Kind.OBJECT) {
    report({
      rule: 'args-shape',
      message: '"args" is an object of the graph field\'s arguments.',
      expected: '{ name: value, … }',
    });
    return () => ({});
  }
  const given = new Set<string>();
  for (const field of literal.node.fields) {
    const name = field.name.value;
    const known = graphArguments.find((argument) => argument.name === name);
    given.add(name);
    if (known === undefined) {
      const names = graphArguments.map((argument) => argument.name);
      report(
        {
          rule: 'unknown-argument',
          message: `${coordinate} has no argument "${name}" in the graph.`,
          expected: names.join(', ') || 'no arguments',
          hint: didYouMean(name, names),
        },
        field.loc?.start,
      );
    } else {
      const position = { type: known.type, hasDefault: known.default !== undefined };
      checkLiteral(field.value, position, { viewArguments, literal, inputs, report });
    }
  }
  reportMissing(graphArguments, given, report, coordinate);
  const converters = viewArguments.flatMap(({ name, type }) => {
    const convert = inputs.converter(type);
    return convert === undefined ? [] : [{ name, convert }];
  });
  return ({ args, claims }) => {
    let converted = args;
    if (converters.length > 0) {
      const copy: Record<string, unknown> = Object.assign(Object.create(null), args);
      for (const { name, convert } of converters)
        if (copy[name] !== undefined && copy[name] !== null) copy[name] = convert(copy[name]);
      converted = copy;
    }
    return literal.evaluate({ args: converted, claims, parent: {} }) as Record<string, unknown>;
  };
}

function checkReferences(
  viewArguments: readonly GraphQLArgument[],
  literal: Literal,
  {
    report,
    coordinate,
    reportArgument,
  }: Target & { readonly reportArgument: (argument: GraphQLArgument, problem: Described) => void },
): void {
  const names = viewArguments.map(({ name }) => name);
  const used = new Set<string>();
  let unknown = false;
  for (const reference of literal.references) {
    if (reference.source === 'claims') continue;
    const root = rootOf(reference);
    used.add(root);
    if (reference.source === 'args' && names.includes(root)) continue;
    unknown = true;
    report(
      {
        rule: 'unknown-reference',
        message: `${coordinate} has no argument "${root}" here.`,
        found: `$${reference.text}`,
        expected: names.map((name) => `$${name}`).join(', ') || 'no reference: the field has no arguments',
        hint: didYouMean(root, names),
      },
      reference.offset,
    );
  }
  // An unknown reference likely means one of the others.
  if (unknown) return;
  for (const argument of viewArguments) {
    if (used.has(argument.name)) continue;
    reportArgument(argument, {
      rule: 'unused-argument',
      message: `"args" does not use $${argument.name}.`,
      hint: 'use it, or remove the argument',
    });
  }
}

function reportMissing(
  graphArguments: readonly GraphQLArgument[],
  given: ReadonlySet<string>,
  report: Report,
  coordinate: string,
): void {
  for (const { name, type, default: preset } of graphArguments) {
    if (given.has(name) || !isNonNullType(type) || preset !== undefined) continue;
    report({
      rule: 'missing-argument',
      message: `${coordinate} needs the argument "${name}: ${type}".`,
      hint: `add it, or lock it: @from(args: "{ ${name}: … }")`,
    });
  }
}
