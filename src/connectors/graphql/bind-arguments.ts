/** Arguments of a backend's field: their text in the document, and the variables in it with the types they are declared with. */
import { Kind, print, type TypeNode, type ValueNode } from 'graphql';
import type { Literal } from '../../mapping/literal.ts';
import type { Path } from '../../mapping/path.ts';
import { type Reference, toValueOf, type ValueOf } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import { argumentsIn, referenceAt, typeOfReference } from '../arguments.ts';
import type { FieldToBind } from '../kind.ts';
import {
  type BackendArgument,
  type BackendField,
  type BackendSchema,
  namedTypeOf,
  nullable,
} from './backend-schema.ts';
import type { GraphqlSpec } from './load.ts';

export interface ArgumentText {
  readonly name: string;
  /** The argument's value: text of the document with variables in between. */
  readonly parts: ReadonlyArray<string | Variable>;
}

export interface Variable {
  /** Unique among the variables of a binding. */
  readonly name: string;
  /** As declared: "[ID!]". */
  readonly type: string;
  /** Undefined: the variable is left out. */
  readonly value: ValueOf;
}

interface Context {
  readonly spec: GraphqlSpec;
  /** The backend's field, when known. */
  readonly target: BackendField | undefined;
  /** Own type names to the backend's. */
  readonly types: Readonly<Record<string, string>>;
  /** Arguments that serve something else and are not sent by name. */
  readonly except?: ReadonlySet<string>;
}

interface BoundArguments {
  readonly texts: readonly ArgumentText[];
  /** Names of the field's own arguments that are sent. */
  readonly used: ReadonlySet<string>;
}

/** Undefined after a reported problem. */
export function bindArguments(field: FieldToBind, context: Context): BoundArguments | undefined {
  const bound = field.directive.args === undefined ? bindByName(field, context) : bindLiteral(field, context);
  if (bound === undefined || context.target === undefined) return bound;
  const given = new Set(bound.texts.map(({ name }) => name));
  for (const argument of context.target.args.values()) {
    if (given.has(argument.name) || argument.hasDefault || argument.type.kind !== Kind.NON_NULL_TYPE)
      continue;
    field.report(
      {
        rule: 'graphql-missing-argument',
        message: `${fileOf(context)} requires the argument "${argument.name}" of ${context.target.name}.`,
        expected: `${argument.name}: ${print(argument.type)}`,
        hint: `add it to "args"`,
      },
      ['args'],
    );
  }
  return bound;
}

function bindByName(field: FieldToBind, context: Context): BoundArguments | undefined {
  const { target, except } = context;
  const own = field.args.filter(({ name }) => except?.has(name) !== true);
  if (field.use === 'field' && target === undefined && field.directive.entity === undefined) {
    field.report({
      rule: 'graphql-missing-argument',
      message: `Without the backend's SDL nothing says how ${field.coordinate} finds what belongs to its parent.`,
      expected: 'args: "{ … : $parent.… }"',
      hint: 'add "args", or vendor the backend\'s SDL with "spec" in connector.yml',
    });
    return undefined;
  }
  const texts: ArgumentText[] = [];
  for (const { name, type } of own) {
    const argument = target?.args.get(name);
    if (target !== undefined && argument === undefined) {
      reportUnknownArgument(field, context, name, []);
      continue;
    }
    const declared =
      argument === undefined ? toBackendType(String(type), context.types) : declaredType(argument);
    texts.push({ name, parts: [{ name, type: declared, value: field.argument(name) }] });
  }
  if (field.use === 'field' && field.directive.entity === undefined) {
    for (const argument of target?.args.values() ?? []) {
      const { name } = argument;
      if (own.some((other) => other.name === name) || !field.parent.some((other) => other.name === name))
        continue;
      texts.push({ name, parts: [{ name, type: declaredType(argument), value: field.parentField(name) }] });
    }
  }
  return { texts, used: new Set(own.map(({ name }) => name)) };
}

function bindLiteral(field: FieldToBind, context: Context): BoundArguments | undefined {
  const literal = field.literal(['args']);
  if (literal === undefined) return undefined;
  if (literal.node.kind !== Kind.OBJECT) {
    field.report(
      { rule: 'graphql-arguments', message: '"args" must be an object.', expected: '{ name: $argument, … }' },
      ['args'],
    );
    return undefined;
  }
  const names = new VariableNames();
  const texts: ArgumentText[] = [];
  let usable = true;
  for (const { name, value, loc } of literal.node.fields) {
    const argument = context.target?.args.get(name.value);
    if (context.target !== undefined && argument === undefined) {
      reportUnknownArgument(field, context, name.value, ['args'], loc?.start);
      continue;
    }
    const parts =
      argument === undefined
        ? inlineParts(field, context, literal, value, names)
        : [wholePart(literal, name.value, value, argument)];
    if (parts === undefined) usable = false;
    else texts.push({ name: name.value, parts });
  }
  return usable ? { texts, used: argumentsIn(literal.references) } : undefined;
}

/** With the backend's type known, an argument is one variable, or plain text when it is constant. */
function wholePart(
  literal: Literal,
  name: string,
  value: ValueNode,
  argument: BackendArgument,
): string | Variable {
  const references = referencesIn(literal, value);
  const only = references[0];
  if (only === undefined) return print(value);
  const evaluate: ValueOf =
    value.kind === Kind.VARIABLE
      ? toValueOf(only)
      : (values) => (literal.evaluate(values) as Record<string, unknown>)[name];
  return { name, type: declaredType(argument), value: evaluate };
}

/** Otherwise the literal is printed as it stands, and each reference in it is a variable of the type that it has here. */
function inlineParts(
  field: FieldToBind,
  context: Context,
  literal: Literal,
  value: ValueNode,
  names: VariableNames,
): ReadonlyArray<string | Variable> | undefined {
  const parts: Array<string | Variable> = [];
  let usable = true;
  const walk = (node: ValueNode): void => {
    switch (node.kind) {
      case Kind.VARIABLE: {
        const reference = referenceAt(literal, node);
        const type = reference && backendTypeOf(field, context, reference);
        if (reference === undefined || type === undefined) {
          usable = false;
          field.report(
            {
              rule: 'graphql-unknown-type',
              message: `The type of "$${reference?.text}" is not known, and GraphQL wants one.`,
              hint: 'vendor the backend\'s SDL with "spec" in connector.yml',
            },
            ['args'],
            node.loc?.start,
          );
          return;
        }
        parts.push({ name: names.of(reference), type, value: toValueOf(reference) });
        return;
      }
      case Kind.LIST:
        parts.push('[');
        for (const [index, item] of node.values.entries()) {
          if (index > 0) parts.push(', ');
          walk(item);
        }
        parts.push(']');
        return;
      case Kind.OBJECT:
        parts.push('{');
        for (const [index, entry] of node.fields.entries()) {
          parts.push(`${index > 0 ? ', ' : ''}${entry.name.value}: `);
          walk(entry.value);
        }
        parts.push('}');
        return;
      default:
        parts.push(print(node));
    }
  };
  walk(value);
  return usable ? parts : undefined;
}

function referencesIn(literal: Literal, node: ValueNode): readonly Reference[] {
  const { start = 0, end = Infinity } = node.loc ?? {};
  return literal.references.filter(({ offset }) => offset > start && offset < end);
}

/** Gives each variable of a document a name of its own. */
class VariableNames {
  readonly #used = new Set<string>();

  of(reference: Reference): string {
    const base = reference.text.replace(/\W+/g, '_');
    let name = base;
    for (let count = 2; this.#used.has(name); count++) name = `${base}_${count}`;
    this.#used.add(name);
    return name;
  }
}

/** A variable may be left out where the backend has a default, so it is declared nullable there. */
function declaredType({ type, hasDefault }: BackendArgument): string {
  return print(hasDefault ? nullable(type) : type);
}

function backendTypeOf(field: FieldToBind, context: Context, reference: Reference): string | undefined {
  if (reference.source === 'args') {
    const type = typeOfReference(field, reference);
    return type && toBackendType(String(type), context.types);
  }
  if (reference.source === 'claims') return undefined;
  const type = outputTypeAt(context.spec.own, field.coordinate.split('.')[0]!, reference.path);
  return type && toBackendType(print(type), context.types);
}

function outputTypeAt(schema: BackendSchema, typeName: string, path: Path): TypeNode | undefined {
  const [step, ...rest] = path;
  if (step?.kind !== 'key') return undefined;
  const type = schema.types.get(typeName)?.fields.get(step.name)?.type;
  if (type === undefined) return undefined;
  if (rest.length > 0) return outputTypeAt(schema, namedTypeOf(type), rest);
  const named = schema.types.get(namedTypeOf(type));
  return named === undefined || named.kind === 'enum' || named.kind === 'scalar' ? type : undefined;
}

/** Printed SDL of a type, in the backend's names. */
export function toBackendType(type: string, types: Readonly<Record<string, string>>): string {
  return type.replace(/\w+/, (name) => (Object.hasOwn(types, name) ? types[name]! : name));
}

function reportUnknownArgument(
  field: FieldToBind,
  context: Context,
  name: string,
  at: readonly string[],
  offset?: number,
): void {
  const known = [...(context.target?.args.keys() ?? [])];
  field.report(
    {
      rule: 'graphql-unknown-argument',
      message: `${fileOf(context)} knows no argument of this name at ${context.target?.name}.`,
      found: name,
      expected: known.join(', ') || 'none',
      hint: didYouMean(name, known),
    },
    at,
    offset,
  );
}

function fileOf({ spec }: Context): string {
  return spec.backend?.file ?? 'the backend';
}
