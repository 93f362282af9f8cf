/** The documents of one compiled call: printed once per number of keys, with variables for everything that differs between requests. */

import type { GraphqlBinding } from './bind.ts';
import type { ArgumentText, Variable } from './bind-arguments.ts';
import { type PrintedSelection, slotVariable } from './selection.ts';

/** A request is sent as JSON text that begins like this and goes on with `"name":value` pairs and `}}`. */
export type RequestHead = string;

/** How many characters of documents of different sizes are kept per compiled call. */
const MAX_KEPT = 256 * 1024;

/** Variables of element `index` are prefixed, so that a document can ask for many. */
export function elementVariable(index: number, name: string): string {
  return `v${index}_${name}`;
}

/** The key of element `index` in `data`. */
export function elementAlias(index: number): string {
  return `e${index}`;
}

/** All variables of a binding's arguments, in the order of the document. */
export function variablesOf(args: readonly ArgumentText[]): readonly Variable[] {
  return args.flatMap(({ parts }) => parts.filter((part) => typeof part !== 'string'));
}

/** Documents that ask for a root field once per element, under aliases. */
export class RootDocuments {
  readonly #binding: GraphqlBinding;
  readonly #path: readonly string[];
  readonly #fragment: string | undefined;
  readonly #selection: PrintedSelection;
  readonly #heads = new Map<number, RequestHead>();
  #kept = 0;

  constructor(
    binding: GraphqlBinding,
    path: readonly string[],
    typeName: string | undefined,
    selection: PrintedSelection,
  ) {
    this.#binding = binding;
    this.#path = path;
    this.#selection = selection;
    this.#fragment = typeName;
  }

  text(size: number): string {
    const variables = variablesOf(this.#binding.arguments);
    const declared = Array.from({ length: size }, (_, index) =>
      variables.map(({ name, type }) => `$${elementVariable(index, name)}: ${type}`),
    );
    // A selection is written once for all elements if the name of its type is certain.
    const asFragment = size > 1 && this.#fragment !== undefined && this.#selection.text !== '';
    const selection = asFragment ? ' { ...F }' : this.#selection.text;
    const fields = Array.from({ length: size }, (_, index) => {
      const alias = size === 1 ? '' : `${elementAlias(index)}: `;
      return `${alias}${this.#field(index, selection)}`;
    });
    const head = operationHead(this.#binding, [...declared.flat(), ...slotDeclarations(this.#selection)]);
    const fragment = asFragment ? ` fragment F on ${this.#fragment}${this.#selection.text}` : '';
    return `${head} { ${fields.join(' ')} }${fragment}`;
  }

  head(size: number): RequestHead {
    const known = this.#heads.get(size);
    if (known !== undefined) return known;
    const head = toHead(this.text(size));
    this.#heads.set(size, head);
    this.#kept += head.length;
    for (const [other, text] of this.#heads) {
      if (this.#kept <= MAX_KEPT) break;
      this.#heads.delete(other);
      this.#kept -= text.length;
    }
    return head;
  }

  #field(index: number, selection: string): string {
    const outer = this.#path.slice(0, -1);
    const args = printArguments(this.#binding.arguments, index);
    const field = `${this.#path.at(-1)}${args}${selection}`;
    return `${outer.map((name) => `${name} { `).join('')}${field}${' }'.repeat(outer.length)}`;
  }
}

/** The document that asks a federation subgraph for a list of entities. */
export function entityDocument(
  binding: GraphqlBinding,
  target: { readonly typeName: string; readonly field: string | undefined },
  selection: PrintedSelection,
): string {
  const declared = variablesOf(binding.arguments).map(
    ({ name, type }) => `$${elementVariable(0, name)}: ${type}`,
  );
  const head = operationHead(binding, [
    '$representations: [_Any!]!',
    ...declared,
    ...slotDeclarations(selection),
  ]);
  const inside =
    target.field === undefined
      ? selection.text
      : ` { ${target.field}${printArguments(binding.arguments, 0)}${selection.text} }`;
  return `${head} { _entities(representations: $representations) { ... on ${target.typeName}${inside} } }`;
}

export function toHead(document: string): RequestHead {
  return `{"query":${JSON.stringify(document)},"variables":{`;
}

/** Named after the field that it serves, for the backend's logs and metrics. */
function operationHead({ operation, coordinate }: GraphqlBinding, declared: readonly string[]): string {
  return `${operation} Hem_${coordinate.replace(/\W/g, '_')}${declared.length === 0 ? '' : `(${declared.join(', ')})`}`;
}

function slotDeclarations({ slots }: PrintedSelection): readonly string[] {
  return slots.map(({ slot, type }) => `$${slotVariable(slot)}: ${type}`);
}

function printArguments(args: readonly ArgumentText[], index: number): string {
  if (args.length === 0) return '';
  const texts = args.map(({ name, parts }) => {
    const value = parts.map((part) =>
      typeof part === 'string' ? part : `$${elementVariable(index, part.name)}`,
    );
    return `${name}: ${value.join('')}`;
  });
  return `(${texts.join(', ')})`;
}
