/** Input types of a view: which of the graph's they are, and how coerced values are converted. */
import {
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
} from 'graphql';
import type { InputMapping } from './arguments.ts';
import { inputMismatch } from './input-fit.ts';

type Convert = (value: unknown) => unknown;

export class InputTypes implements InputMapping {
  readonly #graphName: (viewName: string) => string;
  /** By type name; undefined when nothing is to convert. */
  readonly #converters = new Map<string, Convert | undefined>();

  constructor(types: readonly GraphQLNamedType[], graphName: (viewName: string) => string) {
    this.#graphName = graphName;
    const renamed = this.#renamed(types);
    for (const type of types) {
      if (isEnumType(type) && renamed.has(type.name)) {
        const names = new Map(
          type.getValues().map((value) => [value.name, fromArgument(value, 'value') ?? value.name]),
        );
        this.#converters.set(type.name, (value) => names.get(value as string));
      }
      if (isInputObjectType(type) && renamed.has(type.name)) {
        const fields = Object.values(type.getFields()).map((field) => ({
          from: field.name,
          to: this.graphField(field),
          type: field.type,
        }));
        this.#converters.set(type.name, (value) =>
          this.#convertObject(fields, value as Record<string, unknown>),
        );
      }
    }
  }

  graphName(viewName: string): string {
    return this.#graphName(viewName);
  }

  graphField(field: GraphQLInputField): string {
    return fromArgument(field, 'field') ?? field.name;
  }

  mismatch(view: GraphQLInputType, graph: GraphQLInputType, hasDefault: boolean): string | undefined {
    return inputMismatch(view, graph, hasDefault, this);
  }

  converter(type: GraphQLInputType): Convert | undefined {
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      const item = this.converter(nullable.ofType);
      return item === undefined
        ? undefined
        : (value) => (value as unknown[]).map((one) => (one === null ? null : item(one)));
    }
    return this.#converters.get(nullable.name);
  }

  #convertObject(
    fields: ReadonlyArray<{ readonly from: string; readonly to: string; readonly type: GraphQLInputType }>,
    value: Record<string, unknown>,
  ): Record<string, unknown> {
    const result: Record<string, unknown> = Object.create(null);
    for (const { from, to, type } of fields) {
      if (!Object.hasOwn(value, from)) continue;
      const given = value[from];
      const convert = given === null ? undefined : this.converter(type);
      result[to] = convert === undefined ? given : convert(given);
    }
    return result;
  }

  /** Names of the input types that differ from the graph's in themselves or in anything they contain. */
  #renamed(types: readonly GraphQLNamedType[]): ReadonlySet<string> {
    const renamed = new Set<string>();
    for (let grew = true; grew; ) {
      grew = false;
      for (const type of types) {
        if (renamed.has(type.name)) continue;
        const differs =
          (isEnumType(type) &&
            type.getValues().some((value) => fromArgument(value, 'value') !== undefined)) ||
          (isInputObjectType(type) &&
            Object.values(type.getFields()).some(
              (field) =>
                this.graphField(field) !== field.name ||
                renamed.has(String(field.type).replace(/[[\]!]/g, '')),
            ));
        if (differs) {
          renamed.add(type.name);
          grew = true;
        }
      }
    }
    return renamed;
  }
}

function fromArgument(
  element: {
    readonly astNode?: { readonly directives?: readonly import('graphql').ConstDirectiveNode[] } | null;
  },
  argument: string,
): string | undefined {
  const node = element.astNode?.directives?.find(({ name }) => name.value === 'from');
  const value = node?.arguments?.find(({ name }) => name.value === argument)?.value;
  return value?.kind === 'StringValue' ? value.value : undefined;
}
