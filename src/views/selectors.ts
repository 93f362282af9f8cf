/** What plans include and exclude fields by: `Type.field`, `Type.*`, `tag:name`. */
import { type GraphQLNamedType, type GraphQLObjectType, isInterfaceType, isObjectType } from 'graphql';
import type { View } from './view.ts';

const SELECTOR = /^(?:tag:([A-Za-z_][\w/-]*)|([A-Za-z_]\w*)\.([A-Za-z_]\w*|\*))$/;

export type Selector =
  | { readonly by: 'tag'; readonly tag: string }
  | { readonly by: 'field'; readonly typeName: string; readonly fieldName: string }
  | { readonly by: 'type'; readonly typeName: string };

/** Undefined for what is no selector. */
export function parseSelector(text: string): Selector | undefined {
  const [, tag, typeName = '', fieldName = ''] = SELECTOR.exec(text) ?? [];
  if (tag !== undefined) return { by: 'tag', tag };
  if (typeName === '') return undefined;
  return fieldName === '*' ? { by: 'type', typeName } : { by: 'field', typeName, fieldName };
}

/** Says of fields whether any of several selectors means them. */
export class Selectors {
  readonly #tags = new Set<string>();
  readonly #types = new Set<string>();
  readonly #fields = new Set<string>();

  /** What is no selector means nothing. */
  constructor(texts: readonly string[]) {
    for (const selector of texts.map(parseSelector)) {
      if (selector?.by === 'tag') this.#tags.add(selector.tag);
      else if (selector?.by === 'type') this.#types.add(selector.typeName);
      else if (selector?.by === 'field') this.#fields.add(`${selector.typeName}.${selector.fieldName}`);
    }
  }

  /** A field of an interface is a field of each type that implements it. */
  match({ tags }: Pick<View, 'tags'>, type: GraphQLObjectType, fieldName: string): boolean {
    const own = tags.get(`${type.name}.${fieldName}`);
    if (own !== undefined && this.#tags.size > 0 && !own.isDisjointFrom(this.#tags)) return true;
    return [type, ...type.getInterfaces()].some(
      (owner) =>
        this.#fields.has(`${owner.name}.${fieldName}`) ||
        (this.#types.has(owner.name) && owner.getFields()[fieldName] !== undefined),
    );
  }
}

/** Whether there is anything in a view that a selector means. */
export function meansAnything(selector: Selector, { schema, tags }: Pick<View, 'schema' | 'tags'>): boolean {
  if (selector.by === 'tag') return [...tags.values()].some((own) => own.has(selector.tag));
  const type = schema.getType(selector.typeName);
  if (!hasFields(type)) return false;
  return selector.by === 'type' || type.getFields()[selector.fieldName] !== undefined;
}

export function hasFields(type: GraphQLNamedType | undefined) {
  return isObjectType(type) || isInterfaceType(type);
}
