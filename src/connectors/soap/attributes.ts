/** The attributes that types declare, by themselves and through groups. */
import type { Component, Components } from './components.ts';
import { XSD } from './documents.ts';
import { keyOf } from './occurrences.ts';
import { anySimple } from './scalars.ts';
import type { AttributeField } from './shape.ts';
import type { SimpleTypes } from './simple-types.ts';
import { XML_NAMESPACE } from './xml.ts';
import type { XmlNode } from './xml-tree.ts';

const MAX_ATTRIBUTE_GROUPS = 1000;

export class Attributes {
  readonly #components: Components;
  readonly #simpleTypes: SimpleTypes;

  constructor(components: Components, simpleTypes: SimpleTypes) {
    this.#components = components;
    this.#simpleTypes = simpleTypes;
  }

  /**
   * Adds those that stand in a type, by name.
   * @param seen attribute groups that are in already
   */
  add(context: Component, node: XmlNode, attributes: Map<string, AttributeField>, seen: Set<XmlNode>): void {
    for (const child of node.children) {
      if (child.namespace !== XSD) continue;
      if (child.local === 'attribute' && child.attribute('use') !== 'prohibited') {
        const attribute = this.#toAttribute(context, child);
        if (attribute !== undefined) attributes.set(keyOf(attribute), attribute);
      } else if (child.local === 'attributeGroup') {
        const reference = child.attribute('ref');
        const group =
          reference === undefined
            ? undefined
            : this.#components.find('attributeGroup', context, child, reference);
        if (group === undefined || seen.has(group.node)) continue;
        seen.add(group.node);
        if (seen.size > MAX_ATTRIBUTE_GROUPS) {
          this.#components.reportNesting(group.node, 'Attribute groups contain each other');
          return;
        }
        this.add(group, group.node, attributes, seen);
      }
    }
  }

  /** The names of those that a restriction takes away. */
  prohibited(context: Component, node: XmlNode): readonly string[] {
    return node
      .all(XSD, 'attribute')
      .filter((child) => child.attribute('use') === 'prohibited')
      .map((child) => {
        const reference = child.attribute('ref');
        const name =
          reference === undefined ? undefined : this.#components.resolve(context, child, reference);
        return keyOf(name ?? { local: child.attribute('name') ?? '', namespace: '' });
      });
  }

  #toAttribute(context: Component, node: XmlNode): AttributeField | undefined {
    const reference = node.attribute('ref');
    const required = node.attribute('use') === 'required';
    const own = { required, fallback: node.attribute('default') ?? node.attribute('fixed') };
    if (reference === undefined) {
      const local = node.attribute('name') ?? '';
      const form = node.attribute('form');
      const qualified = form === undefined ? context.qualifiedAttributes : form === 'qualified';
      const scalar = this.#simpleTypes.ofAttribute({ ...context, node });
      const namespace = qualified ? context.targetNamespace : '';
      return { ...own, local, namespace, key: `@${local}`, scalar, fixed: node.attributes.has('fixed') };
    }
    const name = this.#components.resolve(context, node, reference);
    if (name === undefined || name.namespace === XML_NAMESPACE) {
      const local = reference.slice(reference.indexOf(':') + 1);
      return {
        ...own,
        local,
        namespace: XML_NAMESPACE,
        key: `@${local}`,
        scalar: anySimple,
        fixed: false,
      };
    }
    // SOAP's own attributes (arrayType and the like) have no document here.
    const component = this.#components.get('attribute', name);
    if (component === undefined) return undefined;
    return {
      ...name,
      required,
      fallback: own.fallback ?? component.node.attribute('default') ?? component.node.attribute('fixed'),
      key: `@${name.local}`,
      scalar: this.#simpleTypes.ofAttribute(component),
      fixed: node.attributes.has('fixed') || component.node.attributes.has('fixed'),
    };
  }
}
