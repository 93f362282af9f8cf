/** Checks a client's schema against the graph and decides everything about its names and shapes. */
import {
  type ConstDirectiveNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
} from 'graphql';
import type { Graph, GraphField } from '../graph/graph.ts';
import type { Client } from '../load/client.ts';
import { VIEW_DIRECTIVES } from '../load/directives.ts';
import { checkSdl, placeInArgument, placeOf } from '../load/sdl.ts';
import { type Literal, parseLiteral } from '../mapping/literal.ts';
import { GrammarError, type Path, parsePath } from '../mapping/path.ts';
import { didYouMean, type Place, type Problem, type Problems } from '../problems.ts';
import { mapByLiteral, mapByName } from './arguments.ts';
import { InputTypes } from './input-types.ts';
import { toPublicSchema } from './public-schema.ts';
import type { View, ViewField, ViewType } from './view.ts';

type Described = Omit<Problem, 'at'>;

/** Undefined after reporting problems. */
export function buildView(client: Client, graph: Graph, problems: Problems): View | undefined {
  const before = problems.count;
  const sdl = checkSdl(client.file, client.document, VIEW_DIRECTIVES, problems);
  if (sdl === undefined) return undefined;
  for (const name of sdl.extended) {
    problems.report({
      rule: 'view-extension',
      at: placeOf(sdl.schema.getType(name)?.astNode?.loc, client.file),
      message: `"extend type ${name}" extends nothing in this schema.`,
      hint: `write "type ${name}"`,
    });
  }
  const types = Object.values(sdl.schema.getTypeMap()).filter(
    (type) =>
      !isIntrospectionType(type) &&
      !isSpecifiedScalarType(type) &&
      type.astNode?.loc?.source.name === client.file,
  );
  const builder = new ViewBuilder(client, graph, types, problems);
  const built = builder.build();
  if (sdl.schema.getQueryType() === undefined || sdl.schema.getQueryType() === null) {
    problems.report({
      rule: 'view-query',
      at: { file: client.file, line: 1, column: 1 },
      message: 'A schema needs a type Query.',
    });
  }
  if (problems.count > before) return undefined;
  return { client, types: built, schema: toPublicSchema(sdl.schema, graph, built, client.file) };
}

class ViewBuilder {
  readonly #client: Client;
  readonly #graph: Graph;
  readonly #types: readonly GraphQLNamedType[];
  readonly #problems: Problems;
  readonly #inputs: InputTypes;

  constructor(client: Client, graph: Graph, types: readonly GraphQLNamedType[], problems: Problems) {
    this.#client = client;
    this.#graph = graph;
    this.#types = types;
    this.#problems = problems;
    this.#inputs = new InputTypes(types, (name) => this.#graphNameOf(name));
  }

  build(): ReadonlyMap<string, ViewType> {
    return new Map(
      this.#types.flatMap((type) =>
        this.#checkType(type) ? [[type.name, this.#viewType(type)] as const] : [],
      ),
    );
  }

  #viewType(type: GraphQLNamedType): ViewType {
    const graphName = this.#graphNameOf(type.name);
    const fields = new Map<string, ViewField>();
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        const built = this.#field(graphName, type.name, field);
        if (built !== undefined) fields.set(field.name, built);
      }
    }
    if (isInputObjectType(type)) this.#checkInput(graphName, type);
    return {
      name: type.name,
      graphName,
      fields,
      possible: this.#possible(type),
      enumToView: this.#enumValues(graphName, type),
    };
  }

  /** Whether the type stands for one of the graph's, of the same kind. */
  #checkType(type: GraphQLNamedType): boolean {
    const graphName = this.#graphNameOf(type.name);
    const from = directiveOf(type.astNode?.directives, 'from');
    const at =
      from === undefined
        ? placeOf(
            type.astNode && 'name' in type.astNode ? type.astNode.name.loc : undefined,
            this.#client.file,
          )
        : this.#placeIn(from, 'type');
    const target = this.#graph.schema.getType(graphName);
    if (isScalarType(type)) {
      if (target === undefined || isScalarType(target)) return true;
    }
    const known = this.#graph.types.get(graphName);
    const isRoot = ['Query', 'Mutation', 'Subscription'].includes(graphName);
    if (target === undefined || (known === undefined && !isRoot) || known?.inaccessible === true) {
      const names = [...this.#graph.types.values()]
        .filter(({ inaccessible }) => !inaccessible)
        .map(({ name }) => name);
      this.#report(at, {
        rule: 'unknown-type',
        message: `The graph has no type "${graphName}".`,
        hint:
          didYouMean(graphName, names) ??
          (from === undefined ? 'name the graph\'s type with @from(type: "…")' : undefined),
      });
      return false;
    }
    if (kindOf(type) !== kindOf(target)) {
      this.#report(at, {
        rule: 'type-kind',
        message: `"${type.name}" is ${kindOf(type)} here, "${graphName}" is ${kindOf(target)} in the graph.`,
      });
      return false;
    }
    if (isObjectType(type) && isObjectType(target)) {
      for (const parent of type.getInterfaces()) {
        if (target.getInterfaces().some(({ name }) => name === this.#graphNameOf(parent.name))) continue;
        this.#report(at, {
          rule: 'view-interface',
          message: `"${graphName}" does not implement "${this.#graphNameOf(parent.name)}" in the graph.`,
          expected: target.getInterfaces().map(String).join(', ') || 'no interface',
        });
      }
    }
    return true;
  }

  #field(graphName: string, typeName: string, field: GraphQLField<unknown, unknown>): ViewField | undefined {
    const from = directiveOf(field.astNode?.directives, 'from');
    const at = placeOf(field.astNode?.name.loc, this.#client.file);
    const path = this.#steps(from, field, at);
    if (path === undefined) return undefined;
    const resolved = this.#follow(graphName, path, (problem) =>
      this.#report(
        from === undefined ? at : this.#placeIn(from, textOf(from, 'path') === undefined ? 'field' : 'path'),
        problem,
      ),
    );
    if (resolved === undefined) return undefined;
    const { last, nullable } = resolved;
    const mismatch = this.#outputMismatch(field.type, last.type, nullable);
    if (mismatch !== undefined) {
      this.#report(placeOf(field.astNode?.type.loc, this.#client.file), {
        rule: 'field-type',
        message: `${typeName}.${field.name} does not fit ${resolved.coordinate} of the graph.`,
        found: String(field.type),
        ...mismatch,
      });
    }
    const toGraphArguments = this.#arguments(from, field, last, resolved.coordinate, at);
    const usesClaims = from !== undefined && /\$claims\b/.test(textOf(from, 'args') ?? '');
    return { name: field.name, steps: path, usesClaims, toGraphArguments };
  }

  #steps(
    from: ConstDirectiveNode | undefined,
    field: GraphQLField<unknown, unknown>,
    at: Place,
  ): readonly string[] | undefined {
    const name = from === undefined ? undefined : textOf(from, 'field');
    const text = from === undefined ? undefined : textOf(from, 'path');
    if (name !== undefined && text !== undefined) {
      this.#report(at, {
        rule: 'from-arguments',
        message: '@from on a field takes "field" or "path", not both.',
      });
      return undefined;
    }
    if (text === undefined) return [name ?? field.name];
    let path: Path;
    try {
      path = parsePath(text);
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      this.#report(this.#placeIn(from!, 'path', error.offset), {
        rule: 'mapping-syntax',
        message: '"path" cannot be read.',
        found: error.found,
        expected: error.expected,
      });
      return undefined;
    }
    const names = path.flatMap((step) => (step.kind === 'key' ? [step.name] : []));
    if (names.length !== path.length || names.length === 0) {
      this.#report(this.#placeIn(from!, 'path'), {
        rule: 'from-path',
        message: 'A view flattens through objects, not through lists.',
        found: text,
        expected: 'names joined by "."',
      });
      return undefined;
    }
    return names;
  }

  #follow(graphName: string, path: readonly string[], report: (problem: Described) => void) {
    let type: GraphQLNamedType | undefined | null = this.#graph.schema.getType(graphName);
    let nullable = false;
    let last: GraphQLField<unknown, unknown> | undefined;
    let coordinate = graphName;
    for (const [index, name] of path.entries()) {
      const owner: string = type?.name ?? graphName;
      coordinate = `${owner}.${name}`;
      const fields: Record<string, GraphQLField<unknown, unknown>> = isObjectType(type) ||
      isInterfaceType(type)
        ? type.getFields()
        : {};
      const known: GraphField | undefined = this.#graph.types.get(owner)?.fields.get(name);
      last = fields[name];
      if (last === undefined || known === undefined || known.inaccessible) {
        const visible = [...(this.#graph.types.get(owner)?.fields.values() ?? [])]
          .filter(({ inaccessible }) => !inaccessible)
          .map((field) => field.name);
        const hidden = known?.inaccessible === true ? ' that a view may show' : '';
        report({
          rule: 'unknown-field',
          message: `"${owner}" has no field "${name}"${hidden} in the graph.`,
          found: name,
          hint:
            didYouMean(name, visible) ?? (visible.length <= 20 ? `it has ${visible.join(', ')}` : undefined),
        });
        return undefined;
      }
      if (index === path.length - 1) break;
      if (!isNonNullType(last.type)) nullable = true;
      const inner: GraphQLOutputType = getNullableType(last.type);
      type = isListType(inner) ? undefined : getNamedType(inner);
      if (!isObjectType(type) && !isInterfaceType(type)) {
        report({
          rule: 'from-path',
          message: `A view flattens through objects; ${coordinate} is ${isListType(inner) ? 'a list' : `a ${String(inner)}`}.`,
          found: String(last.type),
        });
        return undefined;
      }
      const needed = last.args.find(
        (argument) => isNonNullType(argument.type) && argument.default === undefined,
      );
      if (needed !== undefined) {
        report({
          rule: 'from-path',
          message: `A path cannot lead through ${coordinate}: it needs the argument "${needed.name}".`,
        });
        return undefined;
      }
    }
    return last === undefined ? undefined : { last, nullable, coordinate };
  }

  #arguments(
    from: ConstDirectiveNode | undefined,
    field: GraphQLField<unknown, unknown>,
    target: GraphQLField<unknown, unknown>,
    coordinate: string,
    at: Place,
  ): ViewField['toGraphArguments'] {
    const graphArguments = target.args.filter((argument) => !this.#isInaccessible(coordinate, argument));
    const text = from === undefined ? undefined : textOf(from, 'args');
    if (text === undefined) {
      const own = field.args.map((argument) => {
        const rename = directiveOf(argument.astNode?.directives, 'from');
        return {
          argument,
          graphName: (rename === undefined ? undefined : textOf(rename, 'argument')) ?? argument.name,
          report: (problem: Described) =>
            this.#report(placeOf(argument.astNode?.loc, this.#client.file), problem),
        };
      });
      return mapByName(own, graphArguments, this.#inputs, (problem) => this.#report(at, problem), coordinate);
    }
    let literal: Literal;
    try {
      literal = parseLiteral(text);
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      this.#report(this.#placeIn(from!, 'args', error.offset), {
        rule: 'mapping-syntax',
        message: '"args" cannot be read.',
        found: error.found,
        expected: error.expected,
      });
      return () => ({});
    }
    return mapByLiteral(
      field.args,
      graphArguments,
      literal,
      this.#inputs,
      (problem, offset = 0) => this.#report(this.#placeIn(from!, 'args', offset), problem),
      coordinate,
    );
  }

  #isInaccessible(coordinate: string, argument: GraphQLArgument): boolean {
    const [owner = '', name = ''] = coordinate.split('.');
    const sources = this.#graph.types.get(owner)?.fields.get(name)?.sources ?? [];
    return sources.some(({ args }) => args.some((own) => own.name === argument.name && own.inaccessible));
  }

  #outputMismatch(
    view: GraphQLOutputType,
    graph: GraphQLOutputType,
    nullable: boolean,
  ): { expected: string; hint?: string } | undefined {
    const weakened = nullable && isNonNullType(graph) ? graph.ofType : graph;
    if (this.#covers(view, weakened)) return undefined;
    const expected = this.#inViewNames(weakened);
    const wouldFit = isNonNullType(view) && this.#covers(view.ofType, weakened);
    return { expected, hint: wouldFit ? 'the value may be null: remove the "!"' : undefined };
  }

  #covers(view: GraphQLOutputType, graph: GraphQLOutputType): boolean {
    if (isNonNullType(view)) return isNonNullType(graph) && this.#covers(view.ofType, graph.ofType);
    if (isNonNullType(graph)) return this.#covers(view, graph.ofType);
    if (isListType(view) || isListType(graph))
      return isListType(view) && isListType(graph) && this.#covers(view.ofType, graph.ofType);
    return this.#graphNameOf((view as GraphQLNamedType).name) === (graph as GraphQLNamedType).name;
  }

  #inViewNames(type: GraphQLOutputType): string {
    const name = getNamedType(type).name;
    const own = this.#types.find((candidate) => this.#graphNameOf(candidate.name) === name)?.name ?? name;
    return String(type).replace(name, own);
  }

  #checkInput(graphName: string, type: GraphQLNamedType): void {
    const target = this.#graph.schema.getType(graphName);
    if (!isInputObjectType(type) || !isInputObjectType(target)) return;
    const targets = target.getFields();
    const given = new Set<string>();
    for (const field of Object.values(type.getFields())) {
      const name = this.#inputs.graphField(field);
      given.add(name);
      const other = targets[name];
      const at = placeOf(field.astNode?.name.loc, this.#client.file);
      if (other === undefined) {
        this.#report(at, {
          rule: 'unknown-input-field',
          message: `"${graphName}" has no field "${name}" in the graph.`,
          hint: didYouMean(name, Object.keys(targets)),
        });
        continue;
      }
      const mismatch = this.#inputs.mismatch(
        field.type,
        other.type,
        field.default !== undefined || other.default !== undefined,
      );
      if (mismatch !== undefined)
        this.#report(at, {
          rule: 'input-field-type',
          message: `${type.name}.${field.name} does not fit the graph's ${graphName}.${name}.`,
          found: String(field.type),
          expected: mismatch,
        });
    }
    for (const other of Object.values(targets)) {
      if (given.has(other.name) || !isNonNullType(other.type) || other.default !== undefined) continue;
      this.#report(placeOf(type.astNode?.name.loc, this.#client.file), {
        rule: 'missing-input-field',
        message: `"${graphName}" needs "${other.name}: ${other.type}" in the graph, so "${type.name}" cannot leave it out.`,
      });
    }
  }

  #enumValues(graphName: string, type: GraphQLNamedType): ViewType['enumToView'] {
    const target = this.#graph.schema.getType(graphName);
    if (!isEnumType(type) || !isEnumType(target)) return undefined;
    const names = target.getValues().map(({ name }) => name);
    const toView = new Map<string, string>();
    for (const value of type.getValues()) {
      const from = directiveOf(value.astNode?.directives, 'from');
      const name = (from === undefined ? undefined : textOf(from, 'value')) ?? value.name;
      if (!names.includes(name)) {
        this.#report(placeOf(value.astNode?.loc, this.#client.file), {
          rule: 'unknown-enum-value',
          message: `The graph's enum "${graphName}" has no value "${name}".`,
          expected: names.join(', '),
          hint: didYouMean(name, names),
        });
      } else if (toView.has(name)) {
        this.#report(placeOf(value.astNode?.loc, this.#client.file), {
          rule: 'duplicate-enum-value',
          message: `"${name}" of the graph is already ${toView.get(name)} here.`,
        });
      }
      toView.set(name, value.name);
    }
    const same =
      toView.size === names.length &&
      [...toView].every(([graphValue, viewValue]) => graphValue === viewValue);
    return same ? undefined : toView;
  }

  #possible(type: GraphQLNamedType): ReadonlyMap<string, string> {
    const possible = new Map<string, string>();
    if (!isAbstractType(type)) return possible;
    const members = isUnionType(type)
      ? type.getTypes()
      : this.#types.filter(
          (other) => isObjectType(other) && other.getInterfaces().some(({ name }) => name === type.name),
        );
    const target = this.#graph.schema.getType(this.#graphNameOf(type.name));
    const allowed = isAbstractType(target)
      ? this.#graph.schema.getPossibleTypes(target).map(({ name }) => name)
      : [];
    for (const { name } of members) {
      const graphName = this.#graphNameOf(name);
      const at = placeOf(type.astNode?.loc, this.#client.file);
      if (!allowed.includes(graphName)) {
        this.#report(at, {
          rule: 'union-member',
          message: `"${graphName}" is not one of the types of "${target?.name}" in the graph.`,
          expected: allowed.join(', '),
        });
      } else if (possible.has(graphName)) {
        this.#report(at, {
          rule: 'union-member',
          message: `"${name}" and "${possible.get(graphName)}" are both the graph's "${graphName}": a value could be either.`,
        });
      }
      possible.set(graphName, name);
    }
    return possible;
  }

  #graphNameOf(name: string): string {
    const type = this.#types.find((candidate) => candidate.name === name);
    const from = directiveOf(type?.astNode?.directives, 'from');
    return (from === undefined ? undefined : textOf(from, 'type')) ?? name;
  }

  #placeIn(node: ConstDirectiveNode, argument: string, offset = 0): Place {
    return placeInArgument(node, [argument], offset, this.#client.file);
  }

  #report(at: Place, problem: Described): void {
    this.#problems.report({ at, ...problem });
  }
}

function directiveOf(
  directives: readonly ConstDirectiveNode[] | undefined,
  name: string,
): ConstDirectiveNode | undefined {
  return directives?.find((node) => node.name.value === name);
}

function textOf(node: ConstDirectiveNode, argument: string): string | undefined {
  const value = node.arguments?.find(({ name }) => name.value === argument)?.value;
  return value?.kind === 'StringValue' ? value.value : undefined;
}

function kindOf(type: GraphQLNamedType): string {
  if (isObjectType(type)) return 'an object type';
  if (isInterfaceType(type)) return 'an interface';
  if (isEnumType(type)) return 'an enum';
  if (isInputObjectType(type)) return 'an input type';
  return isScalarType(type) ? 'a scalar' : 'a union';
}
