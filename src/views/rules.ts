/**
 * Who may see what of a view: the rules of the graph along each field's path, and the view's own on top. All of them hold together,
 * so a view tightens by what it says; what reads as if it loosened is reported.
 */

import {
  type ConstDirectiveNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  Kind,
  type VariableNode,
} from 'graphql';
import type { Graph } from '../graph/graph.ts';
import { typesGivenWith, typesOfDefault, typesWithin, usedTypes } from '../graph/input-uses.ts';
import { GraphRules } from '../graph/rules.ts';
import {
  type Alternatives,
  allOf,
  describeScopes,
  isAtLeast,
  type Rule,
  readRule,
  ruleNodes,
} from '../load/directives/auth-rule.ts';
import { DirectiveReader } from '../load/directives/directive-reader.ts';
import { ROOTS } from '../load/root-types.ts';
import type { Place, Problems } from '../problems.ts';
import { lockedArguments } from './context.ts';
import type { ViewType } from './view.ts';

/** Of one view. */
export interface ViewRules {
  /** What nobody sees who is not known, by coordinate, without what arguments ask for. */
  readonly fields: ReadonlyMap<string, Rule>;
  /** What it takes to ask an object type for a field as a node does, its arguments counted. */
  ruleOf(typeName: string, node: FieldNode): Rule | undefined;
}

interface RulesInput {
  /** The view's own, with directives. */
  readonly schema: GraphQLSchema;
  readonly types: ReadonlyMap<string, ViewType>;
  readonly graph: Graph;
  readonly file: string;
  readonly problems: Problems;
}

/** Undefined where nothing of a view has a rule: then nobody has to ask. */
export function buildRules(input: RulesInput): ViewRules | undefined {
  const builder = new RulesBuilder(input);
  const fields = new Map<string, Rule>();
  for (const type of builder.objectTypes())
    for (const field of Object.values(type.getFields())) {
      const rule = builder.ofField(type, field);
      if (rule !== undefined) fields.set(`${type.name}.${field.name}`, rule);
    }
  const inputs = builder.ofInputs();
  if (fields.size === 0 && inputs.size === 0) return undefined;
  return inputs.size === 0
    ? { fields, ruleOf: (typeName, node) => fields.get(`${typeName}.${node.name.value}`) }
    : new RulesWithArguments(input.schema, fields, inputs);
}

class RulesBuilder {
  readonly #input: RulesInput;
  readonly #graph: GraphRules;
  readonly #reader: DirectiveReader;
  readonly #own = new Map<string, Rule | undefined>();
  /** The view's, by what they are called in the graph. */
  readonly #typesByGraphName: ReadonlyMap<string, readonly GraphQLNamedType[]>;

  constructor(input: RulesInput) {
    this.#input = input;
    this.#graph = new GraphRules(input.graph);
    this.#reader = new DirectiveReader(input.schema, input.file, input.problems);
    for (const type of this.#types()) this.#own.set(type.name, this.#readType(type));
    this.#typesByGraphName = Map.groupBy(this.#types(), ({ name }) => this.#graphName(name));
  }

  objectTypes(): readonly GraphQLObjectType[] {
    return this.#types().filter(isObjectType);
  }

  /** Of a field, with what its arguments are where nobody gives them. */
  ofField(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): Rule | undefined {
    const viewField = this.#input.types.get(type.name)?.fields.get(field.name);
    if (viewField === undefined) return undefined;
    const read: Array<Rule | undefined> = [];
    const along: Array<Rule | undefined> = [];
    let owner = this.#graphName(type.name);
    for (const step of viewField.steps) {
      read.push(this.#graph.ofReading(owner, step));
      along.push(this.#graph.ofField(owner, step));
      owner = this.#graph.valueType(owner, step) ?? '';
      for (const passed of this.#typesByGraphName.get(owner) ?? []) read.push(this.#ofOwnType(passed));
    }
    const promised = type.getInterfaces().flatMap((each) => each.getFields()[field.name] ?? []);
    const own = readRule([field.astNode], this.#reader);
    this.#refuseLoosening([field.astNode], `${type.name}.${field.name}`, allOf(along));
    return allOf([
      ...read,
      own,
      ...promised.map(({ astNode }) => readRule([astNode], this.#reader)),
      this.#ofOwnType(type),
      this.#ofOwnType(getNamedType(field.type)),
      this.#ofLocked(field, viewField.steps, this.#graphName(type.name)),
      ...field.args.flatMap((argument) => typesOfDefault(argument)).map((name) => this.#ofInput(name)),
    ]);
  }

  /** What the view itself says of a type and its interfaces. */
  #ofOwnType(type: GraphQLNamedType): Rule | undefined {
    const interfaces = isObjectType(type) || isInterfaceType(type) ? type.getInterfaces() : [];
    return allOf([type, ...interfaces].map(({ name }) => this.#own.get(name)));
  }

  /** Of the types that arguments may have: by name, where there is any. */
  ofInputs(): ReadonlyMap<string, Rule> {
    const types = Object.values(this.#input.schema.getTypeMap()).filter(
      (type) => isInputObjectType(type) || isEnumType(type) || isScalarType(type),
    );
    return new Map(
      types.flatMap(({ name }) => {
        const rule = this.#ofInput(name);
        return rule === undefined ? [] : [[name, rule] as const];
      }),
    );
  }

  /** Of an input type: whoever gives one also gives what its fields are where nobody gives them, here and in the graph. */
  #ofInput(name: string): Rule | undefined {
    return allOf(
      typesGivenWith(this.#input.schema, name).flatMap((each) => [
        this.#own.get(each),
        this.#graph.ofInput(this.#graphName(each)),
      ]),
    );
  }

  /** What the view itself writes into the arguments of a field is used by whoever asks for the field. */
  #ofLocked(
    field: GraphQLField<unknown, unknown>,
    steps: readonly string[],
    graphType: string,
  ): Rule | undefined {
    const { node, references = [] } = lockedArguments(field) ?? {};
    if (node?.kind !== Kind.OBJECT) return undefined;
    // What callers give is counted where they give it; nobody gives claims but the view.
    const ofVariable = (type: GraphQLInputType, { loc }: VariableNode) =>
      references.some(({ source, offset }) => source === 'claims' && offset === (loc?.start ?? 0) + 1)
        ? typesWithin(type)
        : [];
    let owner = graphType;
    for (const step of steps.slice(0, -1)) owner = this.#graph.valueType(owner, step) ?? '';
    const target = this.#input.graph.schema.getType(owner);
    const last =
      isObjectType(target) || isInterfaceType(target) ? target.getFields()[steps.at(-1)!] : undefined;
    return allOf(
      node.fields.flatMap(({ name, value }) => {
        const argument = last?.args.find((each) => each.name === name.value);
        return argument === undefined
          ? []
          : usedTypes(value, argument.type, { ofVariable }).map((used) => this.#graph.ofInput(used));
      }),
    );
  }

  #readType(type: GraphQLNamedType): Rule | undefined {
    const nodes = [type.astNode, ...type.extensionASTNodes];
    const [node] = ruleNodes(nodes);
    if (node !== undefined && ROOTS.has(type.name)) {
      this.#reader.report(node, {
        rule: 'auth-place',
        message: `A rule on ${type.name} would hold for nothing but its fields.`,
        hint: 'put it on the fields, or say "auth: { anonymous: false }" in client.yml',
      });
    }
    this.#refuseLoosening(nodes, type.name, this.#graph.ofType(this.#graphName(type.name)));
    return readRule(nodes, this.#reader);
  }

  #refuseLoosening(
    nodes: Parameters<typeof ruleNodes>[0],
    coordinate: string,
    inherited: Rule | undefined,
  ): void {
    if (inherited === undefined) return;
    for (const node of nodes) {
      const [directive] = ruleNodes([node]).filter(({ name }) => name.value === 'requiresScopes');
      if (directive === undefined) continue;
      const scopes = this.#reader.values('requiresScopes', node)?.scopes as Alternatives | undefined;
      if (scopes === undefined || scopes.length === 0 || isAtLeast(scopes, inherited)) continue;
      this.#reportLoosening(directive, coordinate, scopes, inherited);
    }
  }

  #reportLoosening(
    directive: ConstDirectiveNode,
    coordinate: string,
    scopes: Alternatives,
    inherited: Rule,
  ): void {
    this.#reader.report(directive, {
      rule: 'view-loosens',
      message: `${coordinate} reads as if it would do with less than what connectors ask for; a view can only ask for more.`,
      found: describeScopes([scopes]),
      expected: `in every alternative: ${describeScopes(inherited.scopes)}`,
      hint: 'add the scopes, or remove the directive: the rule of the connectors holds without it',
      related: this.#placesOf(coordinate).map((at) => ({ at, note: 'asks for it' })),
    });
  }

  /** Where connectors say who may see it. */
  #placesOf(coordinate: string): readonly Place[] {
    const [typeName = '', fieldName] = coordinate.split('.');
    if (fieldName === undefined)
      return this.#ruled(this.#input.graph.types.get(this.#graphName(typeName))?.sources);
    let owner = this.#graphName(typeName);
    return (this.#input.types.get(typeName)?.fields.get(fieldName)?.steps ?? []).flatMap((step) => {
      const field = this.#input.graph.types.get(owner)?.fields.get(step);
      owner = this.#graph.valueType(owner, step) ?? '';
      return this.#ruled(field?.sources);
    });
  }

  #ruled(
    sources: ReadonlyArray<{ readonly rule: Rule | undefined; readonly place: Place }> = [],
  ): readonly Place[] {
    return sources.flatMap(({ rule, place }) => (rule === undefined ? [] : [place]));
  }

  #types(): readonly GraphQLNamedType[] {
    return Object.values(this.#input.schema.getTypeMap()).filter(({ name }) => this.#input.types.has(name));
  }

  #graphName(viewName: string): string {
    return this.#input.types.get(viewName)?.graphName ?? viewName;
  }
}

class RulesWithArguments implements ViewRules {
  readonly fields: ReadonlyMap<string, Rule>;
  readonly #schema: GraphQLSchema;
  readonly #inputs: ReadonlyMap<string, Rule>;

  constructor(schema: GraphQLSchema, fields: ReadonlyMap<string, Rule>, inputs: ReadonlyMap<string, Rule>) {
    this.fields = fields;
    this.#schema = schema;
    this.#inputs = inputs;
  }

  ruleOf(typeName: string, node: FieldNode): Rule | undefined {
    const type = this.#schema.getType(typeName);
    const args = isObjectType(type) ? (type.getFields()[node.name.value]?.args ?? []) : [];
    const used = (node.arguments ?? []).flatMap(({ name, value }) => {
      const argument = args.find((each) => each.name === name.value);
      return argument === undefined ? [] : usedTypes(value, argument.type, { ofVariable: typesWithin });
    });
    return allOf([
      this.fields.get(`${typeName}.${node.name.value}`),
      ...used.map((name) => this.#inputs.get(name)),
    ]);
  }
}
