/** Compares what a connector's schema says of a backend's records with what the backend's SDL says. */
import {
  type GraphQLField,
  type GraphQLOutputType,
  getNamedType,
  isCompositeType,
  isListType,
  isNonNullType,
  isUnionType,
  Kind,
  print,
  type TypeNode,
} from 'graphql';
import { GrammarError, parseValueMap, pathsOf } from '../../mapping/path.ts';
import { didYouMean, type Problem } from '../../problems.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import {
  type BackendField,
  type BackendType,
  isComposite,
  listDepth,
  namedTypeOf,
} from './backend-schema.ts';
import type { GraphqlSpec } from './load.ts';
import type { GraphqlOptions } from './options.ts';

type Report = (problem: Omit<Problem, 'at'>) => void;
type Field = GraphQLField<unknown, unknown>;

/** Goes through everything that can be selected below a bound field. Each pair of types is compared once per connector. */
export function checkAnswer(
  field: FieldToBind,
  backendType: TypeNode,
  spec: GraphqlSpec,
  source: ConnectorSource<GraphqlOptions>,
): void {
  new Comparison(spec, source).types(field.coordinate, field.type, backendType, (problem) =>
    field.report(problem),
  );
}

class Comparison {
  readonly #spec: GraphqlSpec;
  readonly #source: ConnectorSource<GraphqlOptions>;

  constructor(spec: GraphqlSpec, source: ConnectorSource<GraphqlOptions>) {
    this.#spec = spec;
    this.#source = source;
  }

  types(coordinate: string, own: GraphQLOutputType, backend: TypeNode, report: Report): void {
    const named = getNamedType(own);
    const type = this.#type(namedTypeOf(backend));
    const composite = type !== undefined && isComposite(type);
    if (depthOf(own) !== listDepth(backend) || isCompositeType(named) !== composite) {
      report({
        rule: 'graphql-type',
        message: `${coordinate} is something else at the backend.`,
        found: String(own),
        expected: print(backend),
      });
      return;
    }
    if (!isCompositeType(named) || type === undefined) return;
    const pair = `${named.name} ${type.name}`;
    if (this.#spec.compared.has(pair)) return;
    this.#spec.compared.add(pair);
    if (isUnionType(named)) {
      for (const member of named.getTypes()) this.#member(member.name, report);
      return;
    }
    for (const field of Object.values(named.getFields())) this.#field(named.name, field, type);
  }

  /** Members of a union are asked for by name. */
  #member(name: string, report: Report): void {
    const atBackend = this.#source.options.types[name] ?? name;
    if (this.#type(atBackend) !== undefined) return;
    report({
      rule: 'graphql-unknown-type',
      message: `${this.#spec.backend?.file} has no type "${atBackend}".`,
      hint:
        didYouMean(atBackend, this.#spec.backend?.types.keys() ?? []) ??
        'if it has another name there, say so in "types" of connector.yml',
    });
  }

  #field(typeName: string, field: Field, type: BackendType): void {
    const directives = field.astNode?.directives ?? [];
    if (directives.some(({ name }) => name.value === 'graphql')) return;
    const coordinate = `${typeName}.${field.name}`;
    const report: Report = (problem) => this.#report(field, problem);
    const from = directives
      .find(({ name }) => name.value === 'from')
      ?.arguments?.find(({ name }) => name.value === 'path')?.value;
    if (from?.kind === Kind.STRING) {
      for (const names of keysOf(from.value)) this.#path(type, names, report);
      return;
    }
    const found = type.fields.get(field.name);
    if (found === undefined) {
      this.#unknown(type, field.name, report);
      return;
    }
    this.#arguments(coordinate, field, found, report);
    this.types(coordinate, field.type, found.type, report);
  }

  #path(type: BackendType, [name, ...rest]: readonly string[], report: Report): void {
    if (name === undefined || !isComposite(type)) return;
    const found = type.fields.get(name);
    const next = found && this.#type(namedTypeOf(found.type));
    if (found === undefined) this.#unknown(type, name, report);
    else if (next !== undefined) this.#path(next, rest, report);
  }

  #arguments(coordinate: string, field: Field, found: BackendField, report: Report): void {
    for (const { name } of field.args) {
      if (found.args.has(name)) continue;
      report({
        rule: 'graphql-unknown-argument',
        message: `${this.#spec.backend?.file} knows no argument of this name at ${coordinate}.`,
        found: name,
        expected: [...found.args.keys()].join(', ') || 'none',
        hint: didYouMean(name, found.args.keys()),
      });
    }
    for (const { name, type, hasDefault } of found.args.values()) {
      if (hasDefault || type.kind !== Kind.NON_NULL_TYPE || field.args.some((own) => own.name === name))
        continue;
      report({
        rule: 'graphql-missing-argument',
        message: `${this.#spec.backend?.file} requires the argument "${name}" of ${coordinate}.`,
        expected: `${name}: ${print(type)}`,
      });
    }
  }

  #unknown(type: BackendType, name: string, report: Report): void {
    report({
      rule: 'graphql-unknown-field',
      message: `${this.#spec.backend?.file} has no field "${name}" on ${type.name}.`,
      hint:
        didYouMean(name, type.fields.keys()) ??
        'name another with @from(path: "…"), or give the field a binding',
    });
  }

  #type(name: string): BackendType | undefined {
    return this.#spec.backend?.types.get(name);
  }

  #report(field: Field, problem: Omit<Problem, 'at'>): void {
    const { start = 0, source } = field.astNode?.name.loc ?? {};
    this.#source.reportIn('schema.graphql', source?.body ?? '', start, problem);
  }
}

function depthOf(type: GraphQLOutputType): number {
  if (isNonNullType(type)) return depthOf(type.ofType);
  return isListType(type) ? depthOf(type.ofType) + 1 : 0;
}

/** The keys along each path of a value map; none when it cannot be read, which is reported elsewhere. */
function keysOf(text: string): ReadonlyArray<readonly string[]> {
  try {
    return pathsOf(parseValueMap(text)).map((path) =>
      path.flatMap((step) => (step.kind === 'key' ? [step.name] : [])),
    );
  } catch (error) {
    if (error instanceof GrammarError) return [];
    throw error;
  }
}
