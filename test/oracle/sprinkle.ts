/** Puts `@defer` and `@stream` at random places of a valid operation, so that it stays valid and asks for the same. */
import {
  type ASTNode,
  type DirectiveNode,
  type DocumentNode,
  type GraphQLSchema,
  isListType,
  isNonNullType,
  Kind,
  parse,
  parseType,
  parseValue,
  print,
  type SelectionNode,
  TypeInfo,
  type VariableDefinitionNode,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { Random } from './random.ts';

export interface Sprinkled {
  readonly document: string;
  readonly features: ReadonlySet<string>;
}

const ATTEMPTS = 20;
/** It is put into operations as `$later: Boolean = …`. */
const CONDITION = 'later';

/** @throws when nothing valid comes about */
export function sprinkle(schema: GraphQLSchema, text: string, random: Random): Sprinkled {
  const document = parse(text, { noLocation: true });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // Lists that are selected in several places have to be streamed alike: the later attempts stream few.
    const sprinkler = new Sprinkler(schema, random, attempt < ATTEMPTS / 2 ? 0.3 : 0.02);
    const sprinkled = print(sprinkler.on(document));
    if (validate(schema, parse(sprinkled)).length === 0)
      return { document: sprinkled, features: sprinkler.features };
  }
  throw new Error(`nothing valid from ${text}`);
}

class Sprinkler {
  readonly features = new Set<string>();
  readonly #schema: GraphQLSchema;
  readonly #random: Random;
  readonly #streamed: number;
  #labels = 0;
  #conditional = false;

  constructor(schema: GraphQLSchema, random: Random, streamed: number) {
    this.#schema = schema;
    this.#random = random;
    this.#streamed = streamed;
  }

  on(document: DocumentNode): DocumentNode {
    const types = new TypeInfo(this.#schema);
    const roots = new Set([this.#schema.getMutationType(), this.#schema.getSubscriptionType()]);
    const deferrable = () => !roots.has(types.getParentType() as never);
    const visited = visit(
      document,
      visitWithTypeInfo(types, {
        SelectionSet: {
          leave: (node) =>
            deferrable() && this.#random.chance(0.15)
              ? { ...node, selections: this.#wrapped(node.selections) }
              : undefined,
        },
        InlineFragment: { leave: (node) => (deferrable() ? this.#deferred(node, 0.3) : undefined) },
        FragmentSpread: { leave: (node) => (deferrable() ? this.#deferred(node, 0.3) : undefined) },
        Field: {
          leave: (node) => {
            const type = types.getType();
            const list = isListType(isNonNullType(type) ? type.ofType : type);
            if (!list || !deferrable() || !this.#random.chance(this.#streamed)) return undefined;
            this.features.add('@stream');
            const count = this.#random.pick([undefined, 0, 1, 2, 3, 50]);
            return { ...node, directives: [...(node.directives ?? []), this.#directive('stream', count)] };
          },
        },
      }),
    );
    return this.#conditional ? this.#withCondition(visited) : visited;
  }

  /** Some neighbouring selections in a fragment of their own. */
  #wrapped(selections: readonly SelectionNode[]): readonly SelectionNode[] {
    const from = this.#random.whole(0, selections.length - 1);
    const to = this.#random.whole(from + 1, selections.length);
    this.features.add(
      to - from === selections.length ? 'a whole selection deferred' : 'some of a selection deferred',
    );
    return [
      ...selections.slice(0, from),
      {
        kind: Kind.INLINE_FRAGMENT,
        directives: [this.#directive('defer')],
        selectionSet: { kind: Kind.SELECTION_SET, selections: selections.slice(from, to) },
      },
      ...selections.slice(to),
    ];
  }

  #deferred<
    Node extends {
      readonly kind: ASTNode['kind'];
      readonly directives?: readonly DirectiveNode[] | undefined;
    },
  >(node: Node, probability: number): Node | undefined {
    if (node.directives?.some(({ name }) => name.value === 'defer') || !this.#random.chance(probability))
      return undefined;
    this.features.add(`@defer on ${node.kind === Kind.FRAGMENT_SPREAD ? 'a spread' : 'an inline fragment'}`);
    return { ...node, directives: [...(node.directives ?? []), this.#directive('defer')] };
  }

  #directive(name: 'defer' | 'stream', initialCount?: number): DirectiveNode {
    const args: string[] = [];
    if (this.#random.chance(0.5))
      args.push(`label: ${JSON.stringify(this.#random.pick(['', '__proto__', 'é"\\']) + this.#labels++)}`);
    if (this.#random.chance(0.25)) args.push(`if: ${this.#condition()}`);
    if (initialCount !== undefined) args.push(`initialCount: ${initialCount}`);
    const text = `{ a @${name}${args.length === 0 ? '' : `(${args.join(', ')})`} }`;
    const [operation] = parse(text, { noLocation: true }).definitions;
    return (operation as unknown as { selectionSet: { selections: Array<{ directives: DirectiveNode[] }> } })
      .selectionSet.selections[0]!.directives[0]!;
  }

  #condition(): string {
    const condition = this.#random.pick(['true', 'false', `$${CONDITION}`]);
    this.features.add(`if: ${condition}`);
    if (condition.startsWith('$')) this.#conditional = true;
    return condition;
  }

  #withCondition(document: DocumentNode): DocumentNode {
    const definition: VariableDefinitionNode = {
      kind: Kind.VARIABLE_DEFINITION,
      variable: { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: CONDITION } },
      type: parseType('Boolean', { noLocation: true }),
      defaultValue: parseValue(String(this.#random.chance(0.7)), { noLocation: true }) as never,
    };
    return visit(document, {
      OperationDefinition: (node) => ({
        ...node,
        variableDefinitions: [...(node.variableDefinitions ?? []), definition],
      }),
    });
  }
}
