/** Compiles a binding's request: from the values of one call to bytes. */
import type { Type } from 'protobufjs';
import type { Literal } from '../../mapping/literal.ts';
import { referencesOf, type Template } from '../../mapping/template.ts';
import type { Values } from '../../mapping/values.ts';
import { argumentsIn, inLiteral, keysByName, type NamedValue, reportUnused, toObject } from '../arguments.ts';
import type { FieldToBind } from '../kind.ts';
import { checkArgumentType, checkLiteral, unknownField } from './check-request.ts';
import { Misfit } from './misfit.ts';
import type { RequestTypes } from './requests.ts';
import { describe, shapeOfField, shapeOfType } from './shape.ts';

/** @throws {HemError} BAD_ARGUMENT */
export type Encode = (values: Values) => Buffer;

/** Compiles what fills the request message: `args`, or arguments and key fields by name. */
export function bindRequest(
  field: FieldToBind,
  type: Type,
  requests: RequestTypes,
  templates: readonly Template[],
): Encode | undefined {
  const inMetadata = argumentsIn(templates.flatMap(referencesOf));
  if (field.directive.args !== undefined) {
    const literal = field.literal(['args']);
    return literal === undefined ? undefined : bindLiteral(field, type, requests, literal, inMetadata);
  }
  return bindByName(field, type, requests, inMetadata);
}

function bindLiteral(
  field: FieldToBind,
  type: Type,
  requests: RequestTypes,
  literal: Literal,
  inMetadata: ReadonlySet<string>,
): Encode {
  checkLiteral(field, literal, type, requests);
  const used = argumentsIn(literal.references).union(inMetadata);
  reportUnused(field, used, { rule: 'grpc-unused-argument', write: inLiteral, place: '"args"' });
  const convert = requests.message(type);
  const { evaluate } = literal;
  if (literal.references.length === 0) return constant(type, () => convert(evaluate(NO_VALUES)));
  return encoder(type, (values) => convert(evaluate(values) ?? {}));
}

const NO_VALUES: Values = { args: {}, parent: {}, claims: {} };

function bindByName(
  field: FieldToBind,
  type: Type,
  requests: RequestTypes,
  inMetadata: ReadonlySet<string>,
): Encode {
  const parts: NamedValue[] = [];
  for (const { name, type: argumentType } of field.args) {
    const target = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (target !== undefined) {
      checkArgumentType(argumentType, shapeOfField(target), `The argument "${name}"`, (problem) =>
        field.report(problem),
      );
      parts.push({ name, value: field.argument(name) });
    } else if (!inMetadata.has(name)) {
      unknownField(name, shapeOfType(type), `the argument "${name}"`, (problem) => field.report(problem));
    }
  }
  const isEmpty = (name: string) =>
    Object.hasOwn(type.fields, name) && !parts.some((part) => part.name === name);
  parts.push(...keysByName(field, isEmpty));
  for (const target of type.fieldsArray) {
    if (!target.required || parts.some(({ name }) => name === target.name)) continue;
    field.report({
      rule: 'grpc-missing-field',
      message: `${describe(shapeOfType(type))} requires "${target.name}", and nothing fills it.`,
      hint: `add an argument "${target.name}", or say where it comes from with "args"`,
    });
  }
  const convert = requests.message(type);
  if (parts.length === 0) return constant(type, () => convert({}));
  const fill = toObject(parts);
  return encoder(type, (values) => convert(fill(values)));
}

function encoder(type: Type, toMessage: (values: Values) => unknown): Encode {
  // Generated now rather than with the first call. Once only: it would undo what AnswerTypes has changed.
  if (!Object.hasOwn(type, 'encode')) type.setup();
  return (values) => {
    try {
      return type.encode(toMessage(values) as Record<string, unknown>).finish() as Buffer;
    } catch (error) {
      throw error instanceof Misfit ? error.toBadArgument() : error;
    }
  };
}

/** The same bytes every time. */
function constant(type: Type, toMessage: () => unknown): Encode {
  let bytes: Buffer | undefined;
  const encode = encoder(type, toMessage);
  return (values) => {
    bytes ??= encode(values);
    return bytes;
  };
}
