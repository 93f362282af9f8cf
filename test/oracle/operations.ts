/** Random valid operations of a view, with variables, and a count of what they contain. */
import {
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  type OperationTypeNode,
  parse,
  validate,
} from 'graphql';
import type { Random } from './random.ts';
import { ValueMaker, type ValuePool } from './values.ts';

export interface GeneratedOperation {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly features: ReadonlySet<string>;
}

export interface Limits {
  readonly depth: number;
  readonly fields: number;
  readonly rootFields: number;
  /** Fields that no operation asks for, as `Type.field`: those whose answer is never the same twice. */
  readonly without?: ReadonlySet<string>;
}

const ALIASES = [
  '__proto__',
  'constructor',
  'then',
  'hasOwnProperty',
  'toString',
  'length',
  'a',
  'b',
  'c',
  'id',
  'valueOf',
  '_1',
];
const ATTEMPTS = 40;

/** @throws when no valid operation comes about */
export function generate(
  schema: GraphQLSchema,
  kind: `${OperationTypeNode}`,
  { random, pool, limits }: { readonly random: Random; readonly pool: ValuePool; readonly limits: Limits },
): GeneratedOperation {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const maker = new OperationMaker(schema, random, pool, limits);
    const operation = maker.operation(kind);
    if (validate(schema, parse(operation.document)).length === 0) return operation;
  }
  throw new Error(`no valid ${kind} in ${ATTEMPTS} attempts`);
}

/** What stands under each response name at one place of the answer. */
interface Scope {
  readonly fields: Map<string, { readonly signature: string; readonly below: Scope; readonly text: string }>;
}

interface Fragment {
  readonly name: string;
  readonly type: GraphQLCompositeType;
  readonly text: string;
}

class OperationMaker {
  readonly #schema: GraphQLSchema;
  readonly #random: Random;
  readonly #limits: Limits;
  readonly #values: ValueMaker;
  readonly #features = new Set<string>();
  readonly #fragments: Fragment[] = [];
  #left: number;

  constructor(schema: GraphQLSchema, random: Random, pool: ValuePool, limits: Limits) {
    this.#schema = schema;
    this.#random = random;
    this.#limits = limits;
    this.#left = random.whole(2, limits.fields);
    this.#values = new ValueMaker(random, pool, (feature) => this.#features.add(feature));
  }

  operation(kind: `${OperationTypeNode}`): GeneratedOperation {
    const type = this.#schema.getRootType(kind as OperationTypeNode)!;
    const scope: Scope = { fields: new Map() };
    const selections: string[] = [];
    if (kind === 'subscription') selections.push(this.#subscribedField(type, scope));
    else {
      const count = this.#random.whole(1, this.#limits.rootFields);
      for (let index = 0; index < count; index++) {
        if (this.#random.chance(0.1)) selections.push(this.#inlineFragment(type, scope, 0));
        else selections.push(this.#field(type, scope, 0));
      }
    }
    const { declared, variables } = this.#values;
    const head = `${kind} Random${declared.length === 0 ? '' : `(${declared.map(({ text }) => text).join(', ')})`}`;
    const fragments = this.#fragments.map(
      ({ name, type, text }) => `fragment ${name} on ${type.name} ${text}`,
    );
    this.#features.add(kind);
    return {
      document: [`${head} { ${selections.join(' ')} }`, ...this.#otherOperation(), ...fragments].join('\n'),
      variables,
      features: this.#features,
    };
  }

  /** There may be only one, but it may stand in a fragment. */
  #subscribedField(type: GraphQLCompositeType, scope: Scope): string {
    const field = this.#field(type, scope, 0, false);
    if (this.#random.chance(0.7)) return field;
    this.#features.add('subscription by a fragment');
    return this.#random.chance(0.5) ? `... { ${field} }` : `... on ${type.name} { ${field} }`;
  }

  /** One that is not asked for: a variable of it may be called as one of ours and be of another type. */
  #otherOperation(): readonly string[] {
    if (!this.#random.chance(0.1)) return [];
    this.#features.add('several operations');
    const name = this.#values.declared[0]?.name ?? 'v0';
    return [`query Other($${name}: Boolean = true) { __typename @skip(if: $${name}) }`];
  }

  #selection(type: GraphQLCompositeType, scope: Scope, depth: number): string {
    const parts: string[] = [];
    const count = this.#random.whole(1, 5);
    for (let index = 0; index < count && (parts.length === 0 || this.#left > 0); index++) {
      const draw = this.#random.next();
      if (isAbstractType(type) ? draw < 0.45 : draw < 0.08)
        parts.push(this.#inlineFragment(type, scope, depth));
      else if (draw < 0.55 && draw > 0.47) parts.push(this.#spread(type, scope, depth));
      else if (draw > 0.93) parts.push(this.#typename());
      else if (draw > 0.86 && scope.fields.size > 0) parts.push(this.#repeated(type, scope, depth));
      else parts.push(this.#field(type, scope, depth));
    }
    return `{ ${parts.join(' ')} }`;
  }

  #typename(): string {
    this.#features.add('__typename');
    return this.#random.chance(0.3)
      ? `${this.#random.pick(['kind', '_type', '__proto__'])}: __typename`
      : '__typename';
  }

  #field(type: GraphQLCompositeType, scope: Scope, depth: number, directives = true): string {
    const fields = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
    const allowed = fields.filter(({ name }) => this.#limits.without?.has(`${type.name}.${name}`) !== true);
    const deep = depth >= this.#limits.depth || this.#left <= 0;
    const leaves = allowed.filter((field) => !isCompositeType(getNamedType(field.type)));
    const from = deep ? leaves : allowed;
    if (from.length === 0)
      return depth >= this.#limits.depth + 2 || allowed.length === 0
        ? '__typename'
        : this.#put(type, this.#random.pick(allowed), scope, depth, directives);
    return this.#put(type, this.#random.pick(from), scope, depth, directives);
  }

  #put(
    type: GraphQLCompositeType,
    field: GraphQLField<unknown, unknown>,
    scope: Scope,
    depth: number,
    directives: boolean,
  ): string {
    this.#left--;
    const args = this.#arguments(field);
    const signature = `${type.name} ${field.name}${args}`;
    let name = this.#random.chance(0.2) ? this.#random.pick(ALIASES) : field.name;
    const taken = scope.fields.get(name);
    if (taken !== undefined && taken.signature !== signature && this.#random.chance(0.9))
      name = `x${scope.fields.size}`;
    if (name !== field.name) this.#features.add('alias');
    if (['__proto__', 'constructor', 'then', 'hasOwnProperty'].includes(name))
      this.#features.add(`alias ${name}`);
    const text = `${name === field.name ? '' : `${name}: `}${field.name}${args}`;
    const known = scope.fields.get(name);
    const entry = known?.signature === signature ? known : { signature, below: { fields: new Map() }, text };
    scope.fields.set(name, entry);
    this.#noteShape(field);
    const named = getNamedType(field.type);
    const below = isCompositeType(named) ? ` ${this.#selection(named, entry.below, depth + 1)}` : '';
    return `${text}${directives ? this.#directives() : ''}${below}`;
  }

  /** A field that is there already, with more below it. */
  #repeated(type: GraphQLCompositeType, scope: Scope, depth: number): string {
    const [, entry] = this.#random.pick([...scope.fields]);
    const name = (
      parse(`{ ${entry.text} }`).definitions[0] as unknown as { selectionSet: { selections: FieldNode[] } }
    ).selectionSet.selections[0]!.name.value;
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
    if (field === undefined) return '__typename';
    this.#left--;
    this.#features.add('repeated field');
    const named = getNamedType(field.type);
    const below = isCompositeType(named) ? ` ${this.#selection(named, entry.below, depth + 1)}` : '';
    return `${entry.text}${this.#directives()}${below}`;
  }

  #inlineFragment(type: GraphQLCompositeType, scope: Scope, depth: number): string {
    const condition = this.#condition(type);
    this.#features.add(condition === type ? 'inline fragment without change of type' : 'type condition');
    const head = condition === type && this.#random.chance(0.5) ? '...' : `... on ${condition.name}`;
    return `${head}${this.#directives()} ${this.#selection(condition, scope, depth)}`;
  }

  #spread(type: GraphQLCompositeType, scope: Scope, depth: number): string {
    const usable = this.#fragments.filter((fragment) => this.#overlaps(type, fragment.type));
    let fragment = usable.length > 0 && this.#random.chance(0.5) ? this.#random.pick(usable) : undefined;
    if (fragment === undefined) {
      const condition = this.#condition(type);
      const name = `${this.#random.pick(['F', 'constructor', 'then'])}${this.#fragments.length}_`;
      const text = this.#selection(condition, scope, depth);
      // Fragments made meanwhile may have taken the number.
      fragment = { name: `${name}${this.#fragments.length}`, type: condition, text };
      this.#fragments.push(fragment);
    } else this.#features.add('fragment used twice');
    this.#features.add('named fragment');
    return `...${fragment.name}${this.#directives()}`;
  }

  /** A type that objects of this one may be. */
  #condition(type: GraphQLCompositeType): GraphQLCompositeType {
    const fitting = Object.values(this.#schema.getTypeMap()).filter(
      (other): other is GraphQLCompositeType =>
        isCompositeType(other) && !other.name.startsWith('__') && this.#overlaps(type, other),
    );
    return this.#random.pick(fitting);
  }

  #overlaps(a: GraphQLCompositeType, b: GraphQLCompositeType): boolean {
    const possible = (type: GraphQLCompositeType): readonly GraphQLObjectType[] =>
      isAbstractType(type) ? this.#schema.getPossibleTypes(type) : [type];
    const others = new Set(possible(b));
    return possible(a).some((type) => others.has(type));
  }

  #arguments(field: GraphQLField<unknown, unknown>): string {
    const given = field.args.filter(
      ({ type, default: preset }) =>
        (isNonNullType(type) && preset === undefined) || this.#random.chance(0.55),
    );
    if (given.length === 0) return '';
    this.#features.add('arguments');
    if (this.#random.chance(0.3)) given.reverse();
    return `(${given.map(({ name, type, default: preset }) => `${name}: ${this.#values.literal(type, preset !== undefined)}`).join(', ')})`;
  }

  #directives(): string {
    if (!this.#random.chance(0.1)) return '';
    const name = this.#random.pick(['skip', 'include']);
    const condition = this.#values.condition();
    this.#features.add(`@${name} ${condition.startsWith('$') ? 'by variable' : 'literal'}`);
    const first = ` @${name}(if: ${condition})`;
    if (!this.#random.chance(0.2)) return first;
    this.#features.add('@skip and @include');
    return `${first} @${name === 'skip' ? 'include' : 'skip'}(if: ${this.#values.condition()})`;
  }

  #noteShape({ type }: GraphQLField<unknown, unknown>): void {
    const named = getNamedType(type);
    if (isAbstractType(named)) this.#features.add(isInterfaceType(named) ? 'interface' : 'union');
    if (/^\W*\[\[|^\[.*\[/.test(String(type))) this.#features.add('list of lists');
    else if (isListType(type)) this.#features.add('list');
  }
}
