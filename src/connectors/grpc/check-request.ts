/** Checks what arguments and literals put into a request message. */
import {
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type ValueNode,
} from 'graphql';
import type { Type } from 'protobufjs';
import type { Literal } from '../../mapping/literal.ts';
import { didYouMean, type Problem } from '../../problems.ts';
import { referenceAt, typeOfReference } from '../arguments.ts';
import type { FieldToBind } from '../kind.ts';
import { SINGLE_VALUES, wireNamesOf } from '../wire-names.ts';
import { Misfit } from './misfit.ts';
import type { RequestTypes } from './requests.ts';
import { describe, fieldNames, member, namesIn, type Shape, shapeOfType } from './shape.ts';

type Report = (problem: Omit<Problem, 'at'>, offset?: number) => void;

/** Checks an argument's type against the part of the message that it fills. `what` names the argument. */
export function checkArgumentType(
  type: GraphQLInputType,
  shape: Shape,
  what: string,
  report: Report,
  depth = 0,
): void {
  const bare = isNonNullType(type) ? type.ofType : type;
  if (takesAnything(shape) || depth > MAX_DEPTH) return;
  if (isListType(bare)) {
    if (shape.kind === 'list') checkArgumentType(bare.ofType, shape.of, what, report, depth);
    else mismatch(what, 'a list', shape, report);
  } else if (shape.kind === 'list') {
    const single = isEnumType(bare) || isInputObjectType(bare) || SINGLE_VALUES.has(bare.name);
    if (single) mismatch(what, 'no list', shape, report);
  } else if (isInputObjectType(bare)) {
    if (shape.kind === 'message' || shape.kind === 'map') checkInputFields(bare, shape, report, depth);
    else mismatch(what, 'an object', shape, report);
  } else if (isEnumType(bare)) {
    if (shape.kind === 'enum') checkInputValues(bare, shape, report);
  } else if (SINGLE_VALUES.has(bare.name) && (shape.kind === 'message' || shape.kind === 'map')) {
    mismatch(what, bare.name, shape, report);
  }
}

const MAX_DEPTH = 8;

/** Well-known types have converters of their own, which judge values. */
function takesAnything(shape: Shape): boolean {
  return shape.kind === 'json' || (shape.kind === 'scalar' && shape.name.startsWith('google.protobuf.'));
}

function checkInputFields(type: GraphQLInputObjectType, shape: Shape, report: Report, depth: number): void {
  for (const field of Object.values(type.getFields())) {
    const coordinate = `${type.name}.${field.name}`;
    const inner = member(shape, field.name);
    if (inner === undefined || inner.kind === 'oneof') unknownField(field.name, shape, coordinate, report);
    else checkArgumentType(field.type, inner, coordinate, report, depth + 1);
  }
}

function checkInputValues(type: GraphQLEnumType, shape: Shape & { kind: 'enum' }, report: Report): void {
  for (const { name, wire } of wireNamesOf(type)) {
    if (shape.values.includes(wire)) continue;
    report({
      rule: 'grpc-unknown-value',
      message: `${shape.name} has no value "${wire}", which ${type.name}.${name} would send.`,
      found: wire,
      expected: shape.values.slice(0, 20).join(', '),
      hint: didYouMean(wire, shape.values),
    });
  }
}

/** Checks names, constants and references of a literal that is the request message. */
export function checkLiteral(field: FieldToBind, literal: Literal, type: Type, requests: RequestTypes): void {
  const report: Report = (problem, offset) => field.report(problem, ['args'], offset);
  check(literal.node, shapeOfType(type));

  function check(node: ValueNode, shape: Shape): void {
    if (shape.kind === 'json') return;
    switch (node.kind) {
      case 'Variable': {
        const reference = referenceAt(literal, node);
        const given = reference === undefined ? undefined : typeOfReference(field, reference);
        if (given !== undefined) {
          checkArgumentType(given, shape, `$${reference!.text}`, (problem) =>
            report(problem, node.loc?.start),
          );
        }
        return;
      }
      case 'ObjectValue':
        for (const field of node.fields) {
          const inner = member(shape, field.name.value);
          if (inner !== undefined && inner.kind !== 'oneof') check(field.value, inner);
          else
            unknownField(field.name.value, shape, undefined, (problem) => report(problem, field.loc?.start));
        }
        return;
      case 'ListValue':
        if (shape.kind === 'list') for (const item of node.values) check(item, shape.of);
        return;
      default:
        return;
    }
  }

  // Constants are tried as a whole: the converter says what is wrong with them.
  if (literal.references.length > 0) return;
  try {
    requests.message(type)(literal.evaluate({ args: {}, parent: {}, claims: {} }));
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    report({ rule: 'grpc-args', message: error.toBadArgument().publicText, expected: error.expected });
  }
}

export function unknownField(
  name: string,
  shape: Shape,
  coordinate: string | undefined,
  report: Report,
): void {
  const names = shape.kind === 'message' ? fieldNames(shape.type) : namesIn(shape);
  report({
    rule: 'grpc-unknown-field',
    message: `${describe(shape)} has no field "${name}"${coordinate === undefined ? '' : `, which ${coordinate} would fill`}.`,
    found: name,
    expected: names.length === 0 ? 'no field' : names.join(', '),
    hint: didYouMean(name, names),
  });
}

function mismatch(what: string, found: string, shape: Shape, report: Report): void {
  report({
    rule: 'grpc-type',
    message: `${what} is ${found} in the schema, and the request has ${describe(shape)} there.`,
    found,
    expected: describe(shape),
  });
}
