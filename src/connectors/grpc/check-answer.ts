/** Checks what a field's SDL type reads against what its method answers. */
import {
  type ASTNode,
  type ConstDirectiveNode,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLUnionType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isUnionType,
} from 'graphql';
import { GrammarError, parseValueMap, type ValueMap } from '../../mapping/path.ts';
import { didYouMean, type Problem } from '../../problems.ts';
import { SINGLE_VALUES, wireNamesOf } from '../wire-names.ts';
import { describe, isObjectShape, member, namesIn, type Shape, walkMap } from './shape.ts';

export interface AnswerCheck {
  /** The field with the binding, for messages. */
  readonly coordinate: string;
  /** A lookup answers with every field of its entity; elsewhere an entity may be nothing but its key. */
  readonly isLookup: boolean;
  /** Undefined: at the binding. */
  report(problem: Omit<Problem, 'at'>, node: ASTNode | undefined): void;
}

/** Walks the type as far as names lead; each object type once. */
export function checkAnswer(type: GraphQLOutputType, shape: Shape, check: AnswerCheck): void {
  new Walk(check).value(type, shape, check.coordinate, undefined);
}

class Walk {
  readonly #check: AnswerCheck;
  readonly #seen = new Set<string>();

  constructor(check: AnswerCheck) {
    this.#check = check;
  }

  value(type: GraphQLOutputType, shape: Shape, coordinate: string, node: ASTNode | undefined): void {
    const bare = isNonNullType(type) ? type.ofType : type;
    if (shape.kind === 'json') return;
    if (isListType(bare)) {
      if (shape.kind === 'list') this.value(bare.ofType, shape.of, coordinate, node);
      else this.#mismatch(coordinate, shape, 'a list', node);
    } else if (isScalarType(bare)) {
      const single = !isObjectShape(shape) && shape.kind !== 'list';
      if (!single && SINGLE_VALUES.has(bare.name)) this.#mismatch(coordinate, shape, bare.name, node);
    } else if (shape.kind === 'list') {
      this.#mismatch(coordinate, shape, 'no list', node);
    } else if (isEnumType(bare)) {
      if (shape.kind === 'enum') this.#values(bare, shape);
    } else if (!isObjectShape(shape)) {
      this.#mismatch(coordinate, shape, 'an object', node);
    } else if (isUnionType(bare)) {
      this.#union(bare, shape);
    } else if (isObjectType(bare)) {
      this.#object(bare, shape);
    }
  }

  #values(type: GraphQLEnumType, shape: Shape & { kind: 'enum' }): void {
    for (const { name, wire, at } of wireNamesOf(type)) {
      if (shape.values.includes(wire)) continue;
      this.#check.report(
        {
          rule: 'grpc-unknown-value',
          message: `${shape.name} has no value "${wire}", so ${type.name}.${name} would never arrive.`,
          expected: shape.values.slice(0, 20).join(', '),
          hint: didYouMean(wire, shape.values),
        },
        at,
      );
    }
  }

  #object(type: GraphQLObjectType, shape: Shape): void {
    const key = `${type.name} ${describe(shape)}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const directives = [type.astNode, ...type.extensionASTNodes].flatMap((node) => node?.directives ?? []);
    const keys = new Set(
      directives.filter(({ name }) => name.value === 'key').flatMap((node) => namesOfKey(node)),
    );
    // What braces make of an entity is its key, in the names of its fields.
    if (shape.kind === 'record' && keys.size > 0) return;
    for (const field of Object.values(type.getFields())) {
      const optional = keys.size > 0 && !keys.has(field.name) && !this.#check.isLookup;
      this.#field(type, field, shape, optional);
    }
  }

  #field(
    type: GraphQLObjectType,
    field: GraphQLField<unknown, unknown>,
    shape: Shape,
    optional: boolean,
  ): void {
    const directives = field.astNode?.directives ?? [];
    if (directives.some(({ name }) => name.value === 'grpc')) return;
    const from = directives.find(({ name }) => name.value === 'from');
    const path = from === undefined ? undefined : argumentOf(from, 'path');
    if (from !== undefined && path === undefined) return;
    const map = valueMapOf(path, field.name);
    if (map === undefined) return;
    const walked = walkMap(shape, map);
    const coordinate = `${type.name}.${field.name}`;
    const node = from ?? field.astNode ?? undefined;
    if ('found' in walked) this.value(field.type, walked.found, coordinate, node);
    if ('found' in walked || optional) return;
    const names = namesIn(walked.in);
    this.#check.report(
      {
        rule: 'grpc-unknown-field',
        message: `${describe(walked.in)} has no field "${walked.missing}", which ${coordinate} reads.`,
        found: walked.missing,
        expected: names.length === 0 ? undefined : names.join(', '),
        hint: walked.in.kind === 'list' ? 'write "[]" where the list is' : didYouMean(walked.missing, names),
      },
      node,
    );
  }

  /** With a nested discriminator each member of the union is the member of the oneof that its value names. */
  #union(type: GraphQLUnionType, shape: Shape): void {
    const node = type.astNode?.directives?.find(({ name }) => name.value === 'discriminator');
    const property = node === undefined ? undefined : argumentOf(node, 'property');
    const map = property === undefined ? undefined : valueMapOf(property, property);
    if (node === undefined || map === undefined) return;
    const walked = walkMap(shape, map);
    if (!('found' in walked)) {
      this.#check.report(
        {
          rule: 'grpc-unknown-field',
          message: `${describe(walked.in)} has no field or oneof "${walked.missing}", which tells the types of ${type.name} apart.`,
          expected: namesIn(walked.in).join(', '),
          hint: didYouMean(walked.missing, namesIn(walked.in)),
        },
        node,
      );
      return;
    }
    if (walked.found.kind !== 'oneof') return;
    for (const { value, name } of mappingOf(node, type)) {
      const inner = walked.found.members.includes(value) ? member(shape, value) : undefined;
      const object = type.getTypes().find((candidate) => candidate.name === name);
      if (inner === undefined) {
        this.#check.report(
          {
            rule: 'grpc-unknown-field',
            message: `The oneof "${walked.found.name}" has no member "${value}".`,
            expected: walked.found.members.join(', '),
            hint: didYouMean(value, walked.found.members),
          },
          node,
        );
      } else if (object !== undefined) {
        this.value(object, inner, object.name, node);
      }
    }
  }

  #mismatch(coordinate: string, shape: Shape, expected: string, node: ASTNode | undefined): void {
    const names = namesIn(shape);
    this.#check.report(
      {
        rule: 'grpc-type',
        message: `${coordinate} is ${expected} in the schema, and the backend answers ${describe(shape)}.`,
        found: describe(shape),
        expected,
        hint:
          node === undefined && names.length > 0
            ? `name the part with "select": ${names.slice(0, 10).join(', ')}`
            : undefined,
      },
      node,
    );
  }
}

/** First names of the paths of a key. */
function namesOfKey(node: ConstDirectiveNode): string[] {
  return (
    argumentOf(node, 'fields')
      ?.replace(/\{[^}]*\}/g, ' ')
      .match(/\w+/g) ?? []
  );
}

function argumentOf(node: ConstDirectiveNode, name: string): string | undefined {
  const value = node.arguments?.find((argument) => argument.name.value === name)?.value;
  return value?.kind === 'StringValue' ? value.value : undefined;
}

/** Undefined when the text is not of the grammar: that is reported where directives are read. */
function valueMapOf(text: string | undefined, name: string): ValueMap | undefined {
  if (text === undefined) return { kind: 'path', path: [{ kind: 'key', name }] };
  try {
    return parseValueMap(text);
  } catch (error) {
    if (error instanceof GrammarError) return undefined;
    throw error;
  }
}

function mappingOf(node: ConstDirectiveNode, type: GraphQLUnionType): Array<{ value: string; name: string }> {
  const list = node.arguments?.find(({ name }) => name.value === 'mapping')?.value;
  const mapped = (list?.kind === 'ListValue' ? list.values : []).flatMap((entry) => {
    if (entry.kind !== 'ObjectValue') return [];
    const text = (name: string) => {
      const value = entry.fields.find((field) => field.name.value === name)?.value;
      return value?.kind === 'StringValue' ? value.value : undefined;
    };
    const [value, target] = [text('value'), text('type')];
    return value === undefined || target === undefined ? [] : [{ value, name: target }];
  });
  return mapped.length > 0 ? mapped : type.getTypes().map(({ name }) => ({ value: name, name }));
}
