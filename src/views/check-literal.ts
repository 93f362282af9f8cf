/** The literal of `@from(args:)` against the types of the graph's arguments. */
import {
  type GraphQLArgument,
  GraphQLFloat,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  type ObjectValueNode,
  type ValueNode,
  type VariableNode,
  validateInputLiteral,
} from 'graphql';
import { toExactNumber } from '../mapping/exact-number.ts';
import type { Literal } from '../mapping/literal.ts';
import { rootOf } from '../mapping/values.ts';
import { didYouMean } from '../problems.ts';
import type { InputMapping, Report } from './arguments.ts';
import { inputMismatch } from './input-fit.ts';

export interface LiteralCheck {
  /** Of the view's field. */
  readonly viewArguments: readonly GraphQLArgument[];
  readonly literal: Literal;
  readonly inputs: InputMapping;
  /** The offset counts characters within the literal. */
  readonly report: Report;
}

/** Where a value stands: what it has to be, and whether it may be left out. */
export interface Position {
  readonly type: GraphQLInputType;
  readonly hasDefault: boolean;
}

export function checkLiteral(node: ValueNode, position: Position, check: LiteralCheck): void {
  const { type } = position;
  const nullable = getNullableType(type);
  if (node.kind === Kind.VARIABLE) checkReference(node, position, check);
  else if (node.kind === Kind.LIST && isListType(nullable))
    for (const item of node.values) checkLiteral(item, { type: nullable.ofType, hasDefault: false }, check);
  else if (node.kind === Kind.OBJECT && isInputObjectType(nullable)) checkFields(node, nullable, check);
  // A list position takes a single value (GraphQL's list input coercion).
  else if (isListType(nullable) && node.kind !== Kind.NULL)
    checkLiteral(node, { type: nullable.ofType, hasDefault: false }, check);
  else checkValue(node, type, check);
}

/** `$name` of one of the view's arguments; claims and what is inside of arguments is judged when it is there. */
function checkReference(node: VariableNode, { type, hasDefault }: Position, check: LiteralCheck): void {
  const { literal, viewArguments, inputs, report } = check;
  const reference = literal.references.find(({ offset }) => offset === (node.loc?.start ?? 0) + 1);
  if (reference?.source !== 'args' || reference.path.length !== 1) return;
  const argument = viewArguments.find(({ name }) => name === rootOf(reference));
  if (argument === undefined) return;
  const expected = inputMismatch(argument.type, type, hasDefault || argument.default !== undefined, inputs);
  if (expected === undefined) return;
  report(
    {
      rule: 'argument-type',
      message: `$${argument.name} does not fit here.`,
      found: String(argument.type),
      expected,
    },
    node.loc?.start,
  );
}

function checkFields(node: ObjectValueNode, type: GraphQLInputObjectType, check: LiteralCheck): void {
  const fields = type.getFields();
  for (const { name, value, loc } of node.fields) {
    const target = fields[name.value];
    if (target !== undefined)
      checkLiteral(value, { type: target.type, hasDefault: target.default !== undefined }, check);
    else
      check.report(
        {
          rule: 'unknown-input-field',
          message: `${type.name} has no field "${name.value}".`,
          expected: Object.keys(fields).join(', '),
          hint: didYouMean(name.value, Object.keys(fields)),
        },
        loc?.start,
      );
  }
  const given = new Set(node.fields.map(({ name }) => name.value));
  for (const field of Object.values(fields)) {
    if (!isNonNullType(field.type) || field.default !== undefined || given.has(field.name)) continue;
    check.report(
      { rule: 'missing-input-field', message: `${type.name} needs "${field.name}: ${field.type}".` },
      node.loc?.start,
    );
  }
}

function checkValue(node: ValueNode, type: GraphQLInputType, { report }: LiteralCheck): void {
  let found: string | undefined;
  validateInputLiteral(node, type, (error) => {
    found ??= error.message;
  });
  if (found !== undefined)
    report({ rule: 'argument-value', message: `This is not of the type ${type}.`, found }, node.loc?.start);
  else if (
    node.kind === Kind.FLOAT &&
    getNullableType(type) !== GraphQLFloat &&
    toExactNumber(node.value) === node.value
  )
    report(
      {
        rule: 'argument-value',
        message: 'This number has more digits than a double holds.',
        found: node.value,
        hint: 'write it in quotes',
      },
      node.loc?.start,
    );
}
