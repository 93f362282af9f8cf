/** What the simple types of the XSD documents are. */
import { type Component, type Components, MAX_NESTING } from './components.ts';
import { XSD } from './documents.ts';
import { anySimple, BUILT_IN, type Scalar, toEnumeration, toList } from './scalars.ts';
import type { XmlNode } from './xml-tree.ts';

export class SimpleTypes {
  readonly #components: Components;
  readonly #scalars = new Map<XmlNode, Scalar>();

  constructor(components: Components) {
    this.#components = components;
  }

  /** The type of an attribute's text. */
  ofAttribute(context: Component): Scalar {
    const { node } = context;
    const type = node.attribute('type');
    if (type !== undefined) return this.named(context, node, type, 0);
    const inline = node.first(XSD, 'simpleType');
    return inline === undefined ? anySimple : this.of({ ...context, node: inline }, 0);
  }

  /** The type that an attribute of `node` names; plain text where that is no simple type. */
  named(context: Component, node: XmlNode, text: string, depth: number): Scalar {
    const name = this.#components.resolve(context, node, text);
    if (name?.namespace === XSD && BUILT_IN.has(name.local)) return BUILT_IN.get(name.local)!;
    const component = this.#components.find('type', context, node, text);
    if (component === undefined || component.node.local !== 'simpleType') return anySimple;
    return this.of(component, depth + 1);
  }

  /** The type that a simpleType element defines. */
  of(context: Component, depth: number): Scalar {
    const { node } = context;
    const known = this.#scalars.get(node);
    if (known !== undefined) return known;
    const scalar = this.#toScalar(context, depth);
    this.#scalars.set(node, scalar);
    return scalar;
  }

  /** Applies what a restriction says; of all facets only enumerations are checked before sending. */
  narrow(context: Component, restriction: XmlNode, base: Scalar, depth: number): Scalar {
    const inline = restriction.first(XSD, 'simpleType');
    const scalar = inline === undefined ? base : this.of({ ...context, node: inline }, depth + 1);
    const texts = restriction.all(XSD, 'enumeration').map((facet) => facet.attribute('value') ?? '');
    return texts.length === 0 ? scalar : toEnumeration(scalar, texts);
  }

  #toScalar(context: Component, depth: number): Scalar {
    const { node } = context;
    if (depth > MAX_NESTING) {
      this.#components.reportNesting(node, 'Types derive from each other');
      return anySimple;
    }
    const restriction = node.first(XSD, 'restriction');
    if (restriction !== undefined) {
      const base = restriction.attribute('base');
      const scalar = base === undefined ? anySimple : this.named(context, restriction, base, depth);
      return this.narrow(context, restriction, scalar, depth);
    }
    const list = node.first(XSD, 'list');
    if (list !== undefined) {
      const itemType = list.attribute('itemType');
      if (itemType !== undefined) return toList(this.named(context, list, itemType, depth));
      const inline = list.first(XSD, 'simpleType');
      return toList(inline === undefined ? anySimple : this.of({ ...context, node: inline }, depth + 1));
    }
    // Which member of a union a text belongs to is not written in it: it stays text.
    return anySimple;
  }
}
