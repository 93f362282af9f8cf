/** The named components of the XSD documents of a WSDL: found by name, with what derives from them or stands in for them. */
import { didYouMean } from '../../problems.ts';
import { type ReportAt, type SchemaDocument, XSD } from './documents.ts';
import { keyOf } from './occurrences.ts';
import type { XmlName } from './xml.ts';
import type { XmlNode } from './xml-tree.ts';

/** An XSD component and the document that it stands in. */
export interface Component {
  readonly node: XmlNode;
  readonly targetNamespace: string;
  readonly qualifiedElements: boolean;
  readonly qualifiedAttributes: boolean;
}

type ComponentKind = 'element' | 'type' | 'group' | 'attribute' | 'attributeGroup';

const KIND_OF: ReadonlyMap<string, ComponentKind> = new Map([
  ['element', 'element'],
  ['complexType', 'type'],
  ['simpleType', 'type'],
  ['group', 'group'],
  ['attribute', 'attribute'],
  ['attributeGroup', 'attributeGroup'],
]);

/** Types that extend each other this often, and groups that contain each other this deep, are taken for a mistake. */
export const MAX_NESTING = 64;

export class Components {
  readonly #byKind: Record<ComponentKind, Map<string, Component>> = {
    element: new Map(),
    type: new Map(),
    group: new Map(),
    attribute: new Map(),
    attributeGroup: new Map(),
  };
  /** Elements that may stand in for another one, by its name. */
  readonly #substitutes = new Map<string, Component[]>();
  /** Which type a complex type derives from. */
  readonly #bases = new Map<string, string>();
  readonly #report: ReportAt;

  constructor(documents: readonly SchemaDocument[], report: ReportAt) {
    this.#report = report;
    for (const document of documents) this.#add(document);
  }

  get(kind: ComponentKind, name: XmlName): Component | undefined {
    return this.#byKind[kind].get(keyOf(name));
  }

  /** Those of a local name, in whatever namespace. */
  named(kind: ComponentKind, local: string): readonly Component[] {
    return [...this.#byKind[kind].values()].filter(({ node }) => node.attribute('name') === local);
  }

  /** Whether xsi:type may bring more than the shape says. */
  hasDerived(name: XmlName | undefined): boolean {
    return name !== undefined && [...this.#bases.values()].includes(keyOf(name));
  }

  /** Whether a type may stand where another one is declared. */
  isDerived(name: XmlName, declared: XmlName | undefined): boolean {
    if (declared === undefined) return false;
    let key: string | undefined = keyOf(name);
    for (let steps = 0; key !== undefined && steps <= MAX_NESTING; steps++) {
      if (key === keyOf(declared)) return true;
      key = this.#bases.get(key);
    }
    return false;
  }

  /** In a document without a namespace of its own, names without a prefix are the includer's. */
  resolve(context: Component, node: XmlNode, text: string): XmlName | undefined {
    const name = node.resolve(text);
    if (name?.namespace === '' && !text.includes(':')) {
      return { local: name.local, namespace: context.targetNamespace };
    }
    return name;
  }

  find(kind: ComponentKind, context: Component, node: XmlNode, text: string): Component | undefined {
    const name = this.resolve(context, node, text);
    const found = name === undefined ? undefined : this.#byKind[kind].get(keyOf(name));
    if (found === undefined) this.reportUnknown(node, kind, text);
    return found;
  }

  /** An element and all that may stand in for it, each once. */
  withSubstitutes(head: Component): readonly Component[] {
    const members = new Set([head]);
    for (const member of members) {
      const local = member.node.attribute('name') ?? '';
      for (const substitute of this.#substitutes.get(keyOf({ local, namespace: member.targetNamespace })) ??
        []) {
        members.add(substitute);
      }
    }
    return [...members];
  }

  namesOf(kind: ComponentKind): string[] {
    return [...new Set([...this.#byKind[kind].values()].map(({ node }) => node.attribute('name') ?? ''))];
  }

  reportUnknown(node: XmlNode, kind: ComponentKind, text: string): void {
    const local = text.slice(text.indexOf(':') + 1);
    const resolved = node.resolve(text);
    this.#report(node, {
      rule: 'wsdl-unknown-name',
      message: `The vendored documents have no ${kind} of this name.`,
      found: resolved === undefined ? `${text} (the prefix is not declared)` : text,
      expected: resolved === undefined ? undefined : `one of the namespace "${resolved.namespace}"`,
      hint: didYouMean(
        local,
        this.namesOf(kind).filter((name) => name !== local),
      ),
    });
  }

  reportNesting(node: XmlNode, what: string): void {
    this.#report(node, {
      rule: 'wsdl-nesting',
      message: `${what} too often, or in a circle.`,
      found: node.attribute('name') ?? 'without a name',
    });
  }

  #add({ node, targetNamespace }: SchemaDocument): void {
    const document = {
      targetNamespace,
      qualifiedElements: node.attribute('elementFormDefault') === 'qualified',
      qualifiedAttributes: node.attribute('attributeFormDefault') === 'qualified',
    };
    for (const child of node.children) {
      const kind = child.namespace === XSD ? KIND_OF.get(child.local) : undefined;
      const local = child.attribute('name');
      if (kind === undefined || local === undefined) continue;
      const component = { ...document, node: child };
      const key = keyOf({ local, namespace: targetNamespace });
      // The same document may be imported under two names.
      if (!this.#byKind[kind].has(key)) this.#byKind[kind].set(key, component);
      if (child.local === 'complexType') this.#noteBase(component, key);
      const head = kind === 'element' ? child.attribute('substitutionGroup') : undefined;
      const name = head === undefined ? undefined : this.resolve(component, child, head);
      if (name === undefined) continue;
      const group = this.#substitutes.get(keyOf(name));
      if (group === undefined) this.#substitutes.set(keyOf(name), [component]);
      else group.push(component);
    }
  }

  #noteBase(component: Component, key: string): void {
    const derived = component.node
      .first(XSD, 'complexContent')
      ?.children.find(({ attributes }) => attributes.has('base'));
    const name =
      derived === undefined ? undefined : this.resolve(component, derived, derived.attribute('base')!);
    if (name !== undefined) this.#bases.set(key, keyOf(name));
  }
}
