/** Who may read what of the graph: the rules of all connectors together, of interfaces and of what implements them, and of what is required. */
import { getNamedType, isInterfaceType, isObjectType } from 'graphql';
import { allOf, type Rule } from '../load/directives/auth-rule.ts';
import type { ConnectorArgument, ConnectorField } from '../load/model.ts';
import type { Graph } from './graph.ts';
import { typesGivenWith, typesOfValue, typesWithin } from './input-uses.ts';
import { withPossibleTypes } from './possible-types.ts';
import { readPathsOf } from './read-paths.ts';

/** A field that is read of an object. */
interface Reading {
  readonly typeName: string;
  readonly fieldName: string;
}

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
    const rules: Array<Rule | undefined> = [];
    // Each once: what is required may require others in turn.
    const seen = new Set([coordinate]);
    const pending: Reading[] = [{ typeName, fieldName }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const source of this.#sourcesOf(next)) {
        rules.push(source.rule, ...source.args.flatMap((argument) => this.#ofGiven(argument)));
        for (const reading of this.#readingsOf(next.typeName, source)) {
          rules.push(...this.#typesOf(reading));
          for (const each of this.#concrete(reading)) {
            const id = `${each.typeName}.${each.fieldName}`;
            if (!seen.has(id)) pending.push(each);
            seen.add(id);
          }
        }
      }
    }
    const rule = allOf(rules);
    this.#fields.set(coordinate, rule);
    return rule;
  }

  /** Of a field read from an object: of the object's type, the field, and the type of its value. */
  ofReading(typeName: string, fieldName: string): Rule | undefined {
    const reading = { typeName, fieldName };
    const fields = this.#concrete(reading).map((each) => this.ofField(each.typeName, each.fieldName));
    return allOf([...this.#typesOf(reading), ...fields]);
  }

  /** The named type of a field. */
  valueType(typeName: string, fieldName: string): string | undefined {
    const [source] = this.#sources(typeName, fieldName);
    return source === undefined ? undefined : getNamedType(source.type).name;
  }

  /** Of what a connector gives itself: a default, or whatever a claim is. */
  #ofGiven({ require, defaultValue, claim, type }: ConnectorArgument): ReadonlyArray<Rule | undefined> {
    if (require !== undefined) return [];
    const ofClaim = claim === undefined ? [] : typesWithin(type);
    return [...typesOfValue(defaultValue, type), ...ofClaim].map((used) => this.ofType(used));
  }

  /** What a connector reads for a field: of its object, and along the paths of what it requires. */
  #readingsOf(typeName: string, source: ConnectorField): readonly Reading[] {
    return readPathsOf(source).flatMap((names) => {
      let owner: string | undefined = typeName;
      return names.flatMap((fieldName) => {
        if (owner === undefined) return [];
        const reading = { typeName: owner, fieldName };
        owner = this.valueType(owner, fieldName);
        return [reading];
      });
    });
  }

  /** Whichever type an object behind an interface has. */
  #concrete({ typeName, fieldName }: Reading): readonly Reading[] {
    return withPossibleTypes(this.#graph.schema, typeName).map((name) => ({ typeName: name, fieldName }));
  }

  /** Of the types of the object and of the value. */
  #typesOf({ typeName, fieldName }: Reading): ReadonlyArray<Rule | undefined> {
    const value = this.valueType(typeName, fieldName) ?? '';
    return [...withPossibleTypes(this.#graph.schema, typeName), value].map((name) => this.ofType(name));
  }

  #sourcesOf({ typeName, fieldName }: Reading): readonly ConnectorField[] {
    return this.#withInterfaces(typeName).flatMap((name) => this.#sources(name, fieldName));
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
