/** Compiles a binding's answer: from bytes to the value of the field. */
import { type GraphQLOutputType, getNamedType, isListType, isNonNullType } from 'graphql';
import type { Type } from 'protobufjs';
import { formatPath, GrammarError, type Path, parsePath } from '../../mapping/path.ts';
import { didYouMean } from '../../problems.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import type { AnswerTypes } from './answers.ts';
import { checkAnswer } from './check-answer.ts';
import type { GrpcOptions } from './options.ts';
import { describe, namesIn, type Shape, shapeOfField, shapeOfType, walk } from './shape.ts';

/** @throws when the bytes are not the answer's message */
export type Decode = (bytes: Uint8Array) => unknown;

/** Compiles what reads the answer, and checks that it holds what the field's type reads. */
export function bindAnswer(
  field: FieldToBind,
  type: Type,
  answers: AnswerTypes,
  source: ConnectorSource<GrpcOptions>,
): Decode {
  const read = answers.reader(type, source.settings.limits.responseObjects);
  const shape = shapeOfType(type);
  const check = (found: Shape) =>
    checkAnswer(field.type, found, {
      coordinate: field.coordinate,
      isLookup: field.isLookup,
      report: (problem, node) => {
        if (node?.loc === undefined) field.report(problem);
        else source.reportIn('schema.graphql', node.loc.source.body, node.loc.start, problem);
      },
    });
  const { select } = field.directive;
  if (typeof select === 'string') {
    const walked = walkSelect(field, select, shape);
    if (walked !== undefined) check(walked);
    return read;
  }
  if (type.fieldsArray.length === 0 && getNamedType(field.type).name === 'Boolean' && !isList(field.type)) {
    // An empty answer says one thing: it was done.
    return (bytes) => {
      read(bytes);
      return true;
    };
  }
  const only = isList(field.type) && shape.kind === 'message' ? onlyList(field, type) : undefined;
  if (only === undefined) {
    check(shape);
    return read;
  }
  check(shapeOfField(type.fields[only]!));
  return (bytes) => (read(bytes) as Record<string, unknown>)[only];
}

function walkSelect(field: FieldToBind, select: string, shape: Shape): Shape | undefined {
  let path: Path;
  try {
    path = parsePath(select);
  } catch (error) {
    // Reported where `select` is compiled.
    if (error instanceof GrammarError) return undefined;
    throw error;
  }
  const walked = walk(shape, path);
  if ('found' in walked) return walked.found;
  const names = namesIn(walked.in);
  field.report(
    {
      rule: 'grpc-unknown-field',
      message: `${describe(walked.in)} has no field "${walked.missing}".`,
      found: formatPath(path),
      expected: names.join(', ') || undefined,
      hint: didYouMean(walked.missing, names),
    },
    ['select'],
  );
  return undefined;
}

/** A list field without `select` is the one list that the answer has. */
function onlyList(field: FieldToBind, type: Type): string | undefined {
  const lists = type.fieldsArray.filter(({ repeated }) => repeated).map(({ name }) => name);
  if (lists.length > 1) {
    field.report({
      rule: 'grpc-select',
      message: `${field.coordinate} is a list, and ${describe(shapeOfType(type))} has several.`,
      found: lists.join(', '),
      hint: `say which: select: "${lists[0]}"`,
    });
  }
  return lists[0];
}

function isList(type: GraphQLOutputType): boolean {
  return isListType(isNonNullType(type) ? type.ofType : type);
}
