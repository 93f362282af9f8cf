/** Who may read what of the graph: the rules of all connectors together, of interfaces and of what implements them, and of what is required. */
import { getNamedType, isAbstractType, isInterfaceType, isObjectType } from 'graphql';
import { allOf, type Rule } from '../load/directives/auth-rule.ts';
import type { ConnectorField } from '../load/model.ts';
import { type Path, pathsOf } from '../mapping/path.ts';
import type { Graph } from './graph.ts';
import { typesGivenWith, typesOfValue } from './input-uses.ts';

export class GraphRules {
  readonly #graph: Pick<Graph, 'schema' | 'types'>;
  readonly #fields = new Map<string, Rule | undefined>();

  constructor(graph: Pick<Graph, 'schema' | 'types'>) {
    this.#graph = graph;
  }

  /** Of a type: its own and those of its interfaces. */
  ofType(name: string): Rule | undefined {
    return allOf(
      this.#withInterfaces(name).flatMap((each) =>
        (this.#graph.types.get(each)?.sources ?? []).map(({ rule }) => rule),
      ),
    );
  }

  /** Of an input type, an enum or a scalar that is given, with what its fields are where nobody gives them. */
  ofInput(name: string): Rule | undefined {
    return allOf(typesGivenWith(this.#graph.schema, name).map((each) => this.ofType(each)));
  }

  /** Of a field, of what its connectors read for it, and of what they give as arguments that nobody else gives; without its own types. */
  ofField(typeName: string, fieldName: string): Rule | undefined {
    const coordinate = `${typeName}.${fieldName}`;
    if (this.#fields.has(coordinate)) return this.#fields.get(coordinate);
    // Until it is known: what is required may require it in turn, which adds nothing.
    this.#fields.set(coordinate, undefined);
    const sources = this.#withInterfaces(typeName).flatMap((name) => this.#sources(name, fieldName));
    const rule = allOf(
      sources.flatMap((source) => [
        source.rule,
        ...source.args.flatMap(({ require, defaultValue, type }) =>
          require === undefined
            ? typesOfValue(defaultValue, type).map((used) => this.ofType(used))
            : pathsOf(require).map((path) => this.#ofPath(typeName, path)),
        ),
        ...parentFieldsOf(source).map((name) => this.ofReading(typeName, name)),
      ]),
    );
    this.#fields.set(coordinate, rule);
    return rule;
  }

  /** Of a field read from an object: of the object's type, the field, and the type of its value. */
  ofReading(typeName: string, fieldName: string): Rule | undefined {
    const type = this.#graph.schema.getType(typeName);
    // Whichever type an object behind an interface has.
    const concrete = isAbstractType(type) ? this.#graph.schema.getPossibleTypes(type).map(String) : [];
    return allOf([
      ...[typeName, ...concrete].flatMap((name) => [this.ofType(name), this.ofField(name, fieldName)]),
      this.ofType(this.valueType(typeName, fieldName) ?? ''),
    ]);
  }

  /** The named type of a field. */
  valueType(typeName: string, fieldName: string): string | undefined {
    const [source] = this.#sources(typeName, fieldName);
    return source === undefined ? undefined : getNamedType(source.type).name;
  }

  #ofPath(typeName: string, path: Path): Rule | undefined {
    const rules: Array<Rule | undefined> = [];
    let owner: string | undefined = typeName;
    for (const step of path) {
      if (step.kind !== 'key' || owner === undefined) continue;
      rules.push(this.ofReading(owner, step.name));
      owner = this.valueType(owner, step.name);
    }
    return allOf(rules);
  }

  #sources(typeName: string, fieldName: string): readonly ConnectorField[] {
    return this.#graph.types.get(typeName)?.fields.get(fieldName)?.sources ?? [];
  }

  #withInterfaces(name: string): readonly string[] {
    const type = this.#graph.schema.getType(name);
    return isObjectType(type) || isInterfaceType(type)
      ? [name, ...type.getInterfaces().map((each) => each.name)]
      : [name];
  }
}

/** What a call reads of its object, as templates name it. */
function parentFieldsOf({ source }: ConnectorField): readonly string[] {
  return source.via === 'call' ? source.parentFields : [];
}
