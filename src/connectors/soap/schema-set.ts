/** The XSD documents of a WSDL as one set of named components, and the shapes that they describe. */
import { didYouMean } from '../../problems.ts';
import { type ReportAt, type SchemaDocument, XSD } from './documents.ts';
import { inChoice, inSequence, keyOf, type Occurrence, occurs, times, toFields } from './occurrences.ts';
import { anySimple, BUILT_IN, type Scalar, toEnumeration, toList } from './scalars.ts';
import { ANY, type AttributeField, type ElementDeclaration, type RecordShape, type Shape } from './shape.ts';
import { XML_NAMESPACE, type XmlName } from './xml.ts';
import type { XmlNode } from './xml-tree.ts';

/** An XSD component and the document that it stands in. */
interface Component {
  readonly node: XmlNode;
  readonly targetNamespace: string;
  readonly qualifiedElements: boolean;
  readonly qualifiedAttributes: boolean;
}

const COMPONENTS = ['element', 'type', 'group', 'attribute', 'attributeGroup'] as const;
type ComponentKind = (typeof COMPONENTS)[number];

const KIND_OF: ReadonlyMap<string, ComponentKind> = new Map([
  ['element', 'element'],
  ['complexType', 'type'],
  ['simpleType', 'type'],
  ['group', 'group'],
  ['attribute', 'attribute'],
  ['attributeGroup', 'attributeGroup'],
]);

/** What a complex type allows, before keys are given. */
interface Content {
  readonly elements: readonly Occurrence[];
  readonly attributes: ReadonlyMap<string, AttributeField>;
  readonly text: Scalar | undefined;
  readonly mixed: boolean;
  readonly open: boolean;
}

/** One way through the particles of a type. */
interface Walk {
  /** An `any` was met. */
  open: boolean;
  /** How many groups it is inside of. */
  readonly groups: number;
}

const EMPTY: Content = { elements: [], attributes: new Map(), text: undefined, mixed: false, open: false };

const BUILT_IN_SHAPES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['anyType', ANY],
  ...[...BUILT_IN].map(([name, scalar]) => [name, { kind: 'simple', scalar }] as const),
]);

/** Types that extend each other this often, and groups that contain each other this deep, are taken for a mistake. */
const MAX_NESTING = 64;
const MAX_ATTRIBUTE_GROUPS = 1000;

export class SchemaSet {
  readonly #components: Record<ComponentKind, Map<string, Component>> = {
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
  readonly #prefixes = new Map<string, string>();
  readonly #shapes = new Map<XmlNode, Shape>();
  readonly #scalars = new Map<XmlNode, Scalar>();
  readonly #groups = new Map<XmlNode, Pick<Content, 'elements' | 'open'>>();
  readonly #declarations = new Map<XmlNode, ElementDeclaration>();
  readonly #report: ReportAt;

  constructor(documents: readonly SchemaDocument[], report: ReportAt) {
    this.#report = report;
    for (const document of documents) this.#add(document);
  }

  /** The prefix that a namespace has in every message that is sent. */
  prefixOf(namespace: string): string {
    if (namespace === XML_NAMESPACE) return 'xml';
    if (namespace === XSD) return 'xsd';
    let prefix = this.#prefixes.get(namespace);
    if (prefix === undefined) {
      prefix = `n${this.#prefixes.size}`;
      this.#prefixes.set(namespace, prefix);
    }
    return prefix;
  }

  /** A global element. */
  element(name: XmlName): ElementDeclaration | undefined {
    const component = this.#components.element.get(keyOf(name));
    return component === undefined ? undefined : this.#declarationOf(component, component.targetNamespace);
  }

  /** Global elements of a local name, in whatever namespace. */
  elementsNamed(local: string): readonly ElementDeclaration[] {
    return [...this.#components.element.values()]
      .filter(({ node }) => node.attribute('name') === local)
      .map((component) => this.#declarationOf(component, component.targetNamespace));
  }

  elementNames(): readonly string[] {
    return this.#namesOf('element');
  }

  /** The shape of a named type, built-in ones too. */
  type(name: XmlName): Shape | undefined {
    if (name.namespace === XSD) {
      return BUILT_IN_SHAPES.get(name.local);
    }
    const component = this.#components.type.get(keyOf(name));
    return component === undefined ? undefined : this.#shapeOfType(component);
  }

  /** The names of types with this local name, in whatever namespace. */
  typesNamed(local: string): readonly XmlName[] {
    return [...this.#components.type.values()]
      .filter(({ node }) => node.attribute('name') === local)
      .map(({ targetNamespace }) => ({ local, namespace: targetNamespace }));
  }

  typeNames(): readonly string[] {
    return this.#namesOf('type');
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

  /** The shape of the type that an attribute of a WSDL element names, or undefined after a reported problem. */
  typeAt(node: XmlNode, attribute: string): Shape | undefined {
    const text = node.attribute(attribute);
    const name = text === undefined ? undefined : node.resolve(text);
    const shape = name === undefined ? undefined : this.type(name);
    if (shape === undefined) this.#reportUnknown(node, 'type', text ?? '');
    return shape;
  }

  /** The global element that an attribute of a WSDL element names, or undefined after a reported problem. */
  elementAt(node: XmlNode, attribute: string): ElementDeclaration | undefined {
    const text = node.attribute(attribute);
    const name = text === undefined ? undefined : node.resolve(text);
    const declaration = name === undefined ? undefined : this.element(name);
    if (declaration === undefined) this.#reportUnknown(node, 'element', text ?? '');
    return declaration;
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
      if (!this.#components[kind].has(key)) this.#components[kind].set(key, component);
      if (child.local === 'complexType') this.#noteBase(component, key);
      const head = kind === 'element' ? child.attribute('substitutionGroup') : undefined;
      const name = head === undefined ? undefined : this.#resolve(component, child, head);
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
      derived === undefined ? undefined : this.#resolve(component, derived, derived.attribute('base')!);
    if (name !== undefined) this.#bases.set(key, keyOf(name));
  }

  /** In a document without a namespace of its own, names without a prefix are the includer's. */
  #resolve(context: Component, node: XmlNode, text: string): XmlName | undefined {
    const name = node.resolve(text);
    if (name?.namespace === '' && !text.includes(':')) {
      return { local: name.local, namespace: context.targetNamespace };
    }
    return name;
  }

  #find(kind: ComponentKind, context: Component, node: XmlNode, text: string): Component | undefined {
    const name = this.#resolve(context, node, text);
    const found = name === undefined ? undefined : this.#components[kind].get(keyOf(name));
    if (found === undefined) this.#reportUnknown(node, kind, text);
    return found;
  }

  #reportUnknown(node: XmlNode, kind: ComponentKind, text: string): void {
    const local = text.slice(text.indexOf(':') + 1);
    const resolved = node.resolve(text);
    this.#report(node, {
      rule: 'wsdl-unknown-name',
      message: `The vendored documents have no ${kind} of this name.`,
      found: resolved === undefined ? `${text} (the prefix is not declared)` : text,
      expected: resolved === undefined ? undefined : `one of the namespace "${resolved.namespace}"`,
      hint: didYouMean(
        local,
        this.#namesOf(kind).filter((name) => name !== local),
      ),
    });
  }

  #namesOf(kind: ComponentKind): string[] {
    return [...new Set([...this.#components[kind].values()].map(({ node }) => node.attribute('name') ?? ''))];
  }

  #declarationOf(context: Component, namespace: string): ElementDeclaration {
    const { node } = context;
    const known = this.#declarations.get(node);
    if (known !== undefined) return known;
    let shape: Shape | undefined;
    const declaration: ElementDeclaration = {
      local: node.attribute('name') ?? '',
      namespace,
      nillable: isTrue(node.attribute('nillable')),
      fallback: node.attribute('default') ?? node.attribute('fixed'),
      shape: () => {
        shape ??= this.#shapeOfElement(context, 0);
        return shape;
      },
    };
    this.#declarations.set(node, declaration);
    return declaration;
  }

  #shapeOfElement(context: Component, depth: number): Shape {
    const { node } = context;
    const type = node.attribute('type');
    if (type !== undefined) return this.#shapeNamed(context, node, type);
    const inline = node.first(XSD, 'complexType') ?? node.first(XSD, 'simpleType');
    if (inline !== undefined) return this.#shapeOfType({ ...context, node: inline });
    // A substitute without a type has the one of its head.
    const head = node.attribute('substitutionGroup');
    if (head === undefined || depth > MAX_NESTING) return ANY;
    const component = this.#find('element', context, node, head);
    return component === undefined ? ANY : this.#shapeOfElement(component, depth + 1);
  }

  #shapeNamed(context: Component, node: XmlNode, text: string): Shape {
    const name = this.#resolve(context, node, text);
    const shape = name === undefined ? undefined : this.type(name);
    if (shape !== undefined) return shape;
    this.#reportUnknown(node, 'type', text);
    return ANY;
  }

  #shapeOfType(context: Component): Shape {
    const { node } = context;
    const known = this.#shapes.get(node);
    if (known !== undefined) return known;
    const shape: Shape =
      node.local === 'simpleType'
        ? { kind: 'simple', scalar: this.#scalarOf(context, 0) }
        : this.#toRecord(context);
    this.#shapes.set(node, shape);
    return shape;
  }

  #toRecord(context: Component): Shape {
    const { node, targetNamespace } = context;
    const content = this.#contentOf(context, 0);
    if (content.text !== undefined && content.attributes.size === 0) {
      return { kind: 'simple', scalar: content.text };
    }
    const local = node.attribute('name');
    const record: RecordShape = {
      kind: 'record',
      name: local === undefined ? undefined : { local, namespace: targetNamespace },
      abstract: isTrue(node.attribute('abstract')),
      fields: toFields(content.elements),
      attributes: [...content.attributes.values()],
      text: content.text,
      mixed: content.mixed,
      open: content.open,
    };
    return record;
  }

  #contentOf(context: Component, depth: number): Content {
    const { node } = context;
    if (depth > MAX_NESTING) {
      this.#reportNesting(node, 'Types derive from each other');
      return EMPTY;
    }
    const derived = node.first(XSD, 'complexContent') ?? node.first(XSD, 'simpleContent');
    const mixed = isTrue(node.attribute('mixed')) || isTrue(derived?.attribute('mixed'));
    if (derived === undefined) return { ...this.#ownContent(context, node), text: undefined, mixed };
    const step = derived.first(XSD, 'extension') ?? derived.first(XSD, 'restriction');
    const baseText = step?.attribute('base');
    if (step === undefined || baseText === undefined) return EMPTY;
    const base = this.#baseContent(context, step, baseText, depth);
    const own = this.#ownContent(context, step);
    const attributes = new Map([...base.attributes, ...own.attributes]);
    for (const name of this.#prohibited(context, step)) attributes.delete(name);
    if (derived.local === 'simpleContent') {
      const text = base.text ?? anySimple;
      const narrowed = step.local === 'restriction' ? this.#narrow(context, step, text, depth) : text;
      return { elements: [], attributes, text: narrowed, mixed: false, open: false };
    }
    if (step.local === 'restriction')
      return { ...own, attributes, text: undefined, mixed: mixed || base.mixed };
    return {
      elements: inSequence([base.elements, own.elements]),
      attributes,
      text: undefined,
      mixed: mixed || base.mixed,
      open: base.open || own.open,
    };
  }

  #baseContent(context: Component, node: XmlNode, text: string, depth: number): Content {
    const name = this.#resolve(context, node, text);
    if (name?.namespace === XSD) {
      const scalar = BUILT_IN.get(name.local);
      return scalar === undefined ? EMPTY : { ...EMPTY, text: scalar };
    }
    const base = this.#find('type', context, node, text);
    if (base === undefined) return EMPTY;
    return base.node.local === 'simpleType'
      ? { ...EMPTY, text: this.#scalarOf(base, depth + 1) }
      : this.#contentOf(base, depth + 1);
  }

  /** What stands in a complexType, an extension or a restriction itself. */
  #ownContent(context: Component, node: XmlNode): Pick<Content, 'elements' | 'attributes' | 'open'> {
    const attributes = new Map<string, AttributeField>();
    this.#addAttributes(context, node, attributes, new Set());
    const particle = node.children.find(
      (child) => child.namespace === XSD && /^(?:sequence|choice|all|group)$/.test(child.local),
    );
    const walk: Walk = { open: false, groups: 0 };
    const elements = particle === undefined ? [] : this.#particle(context, particle, walk);
    return { elements, attributes, open: walk.open };
  }

  #particle(context: Component, node: XmlNode, walk: Walk): readonly Occurrence[] {
    if (node.namespace !== XSD) return [];
    const { min, max } = occurs(node);
    if (max === 0) return [];
    switch (node.local) {
      case 'element':
        return times(this.#elementParticle(context, node), min, max);
      case 'any':
        walk.open = true;
        return [];
      case 'sequence':
      case 'all':
        return times(inSequence(node.children.map((one) => this.#particle(context, one, walk))), min, max);
      case 'choice': {
        const branches = node.children.filter(({ local }) => local !== 'annotation');
        return times(inChoice(branches.map((one) => this.#particle(context, one, walk))), min, max);
      }
      case 'group': {
        const reference = node.attribute('ref');
        const group = reference === undefined ? undefined : this.#find('group', context, node, reference);
        if (group === undefined) return [];
        const inside = this.#groupContent(group, walk.groups + 1);
        if (inside.open) walk.open = true;
        return times(inside.elements, min, max);
      }
      default:
        return [];
    }
  }

  /** Once per group: groups that contain each other twice would double with each level. */
  #groupContent(group: Component, depth: number): Pick<Content, 'elements' | 'open'> {
    const { node } = group;
    const known = this.#groups.get(node);
    if (known !== undefined) return known;
    // A group inside of itself has nothing to add.
    this.#groups.set(node, EMPTY);
    if (depth > MAX_NESTING) {
      this.#reportNesting(node, 'Groups contain each other');
      return EMPTY;
    }
    const walk: Walk = { open: false, groups: depth };
    const inside = node.children.map((child) => this.#particle(group, child, walk));
    const content = { elements: inSequence(inside), open: walk.open };
    this.#groups.set(node, content);
    return content;
  }

  #reportNesting(node: XmlNode, what: string): void {
    this.#report(node, {
      rule: 'wsdl-nesting',
      message: `${what} too often, or in a circle.`,
      found: node.attribute('name') ?? 'without a name',
    });
  }

  #elementParticle(context: Component, node: XmlNode): readonly Occurrence[] {
    const reference = node.attribute('ref');
    if (reference === undefined) {
      const form = node.attribute('form');
      const qualified = form === undefined ? context.qualifiedElements : form === 'qualified';
      const local = { ...context, node };
      return [
        { declaration: this.#declarationOf(local, qualified ? context.targetNamespace : ''), min: 1, max: 1 },
      ];
    }
    const component = this.#find('element', context, node, reference);
    if (component === undefined) return [];
    const members = this.#withSubstitutes(component);
    return inChoice(
      members
        .filter((member) => !isTrue(member.node.attribute('abstract')))
        .map((member) => [
          { declaration: this.#declarationOf(member, member.targetNamespace), min: 1, max: 1 },
        ]),
    );
  }

  /** An element and all that may stand in for it, each once. */
  #withSubstitutes(head: Component): readonly Component[] {
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

  /** @param seen attribute groups that are in already */
  #addAttributes(
    context: Component,
    node: XmlNode,
    attributes: Map<string, AttributeField>,
    seen: Set<XmlNode>,
  ): void {
    for (const child of node.children) {
      if (child.namespace !== XSD) continue;
      if (child.local === 'attribute' && child.attribute('use') !== 'prohibited') {
        const attribute = this.#toAttribute(context, child);
        if (attribute !== undefined) attributes.set(keyOf(attribute), attribute);
      } else if (child.local === 'attributeGroup') {
        const reference = child.attribute('ref');
        const group =
          reference === undefined ? undefined : this.#find('attributeGroup', context, child, reference);
        if (group === undefined || seen.has(group.node)) continue;
        seen.add(group.node);
        if (seen.size > MAX_ATTRIBUTE_GROUPS) {
          this.#reportNesting(group.node, 'Attribute groups contain each other');
          return;
        }
        this.#addAttributes(group, group.node, attributes, seen);
      }
    }
  }

  #prohibited(context: Component, node: XmlNode): readonly string[] {
    return node
      .all(XSD, 'attribute')
      .filter((child) => child.attribute('use') === 'prohibited')
      .map((child) => {
        const reference = child.attribute('ref');
        const name = reference === undefined ? undefined : this.#resolve(context, child, reference);
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
      const scalar = this.#attributeScalar({ ...context, node });
      const namespace = qualified ? context.targetNamespace : '';
      return { ...own, local, namespace, key: `@${local}`, scalar, fixed: node.attributes.has('fixed') };
    }
    const name = this.#resolve(context, node, reference);
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
    const component = this.#components.attribute.get(keyOf(name));
    if (component === undefined) return undefined;
    return {
      ...name,
      required,
      fallback: own.fallback ?? component.node.attribute('default') ?? component.node.attribute('fixed'),
      key: `@${name.local}`,
      scalar: this.#attributeScalar(component),
      fixed: node.attributes.has('fixed') || component.node.attributes.has('fixed'),
    };
  }

  #attributeScalar(context: Component): Scalar {
    const { node } = context;
    const type = node.attribute('type');
    if (type !== undefined) return this.#scalarNamed(context, node, type, 0);
    const inline = node.first(XSD, 'simpleType');
    return inline === undefined ? anySimple : this.#scalarOf({ ...context, node: inline }, 0);
  }

  #scalarNamed(context: Component, node: XmlNode, text: string, depth: number): Scalar {
    const name = this.#resolve(context, node, text);
    if (name?.namespace === XSD && BUILT_IN.has(name.local)) return BUILT_IN.get(name.local)!;
    const component = this.#find('type', context, node, text);
    if (component === undefined || component.node.local !== 'simpleType') return anySimple;
    return this.#scalarOf(component, depth + 1);
  }

  #scalarOf(context: Component, depth: number): Scalar {
    const { node } = context;
    const known = this.#scalars.get(node);
    if (known !== undefined) return known;
    const scalar = this.#toScalar(context, depth);
    this.#scalars.set(node, scalar);
    return scalar;
  }

  #toScalar(context: Component, depth: number): Scalar {
    const { node } = context;
    if (depth > MAX_NESTING) {
      this.#reportNesting(node, 'Types derive from each other');
      return anySimple;
    }
    const restriction = node.first(XSD, 'restriction');
    if (restriction !== undefined) {
      const base = restriction.attribute('base');
      const scalar = base === undefined ? anySimple : this.#scalarNamed(context, restriction, base, depth);
      return this.#narrow(context, restriction, scalar, depth);
    }
    const list = node.first(XSD, 'list');
    if (list !== undefined) {
      const itemType = list.attribute('itemType');
      if (itemType !== undefined) return toList(this.#scalarNamed(context, list, itemType, depth));
      const inline = list.first(XSD, 'simpleType');
      return toList(
        inline === undefined ? anySimple : this.#scalarOf({ ...context, node: inline }, depth + 1),
      );
    }
    // Which member of a union a text belongs to is not written in it: it stays text.
    return anySimple;
  }

  /** Applies what a restriction says; of all facets only enumerations are checked before sending. */
  #narrow(context: Component, restriction: XmlNode, base: Scalar, depth: number): Scalar {
    const inline = restriction.first(XSD, 'simpleType');
    const scalar = inline === undefined ? base : this.#scalarOf({ ...context, node: inline }, depth + 1);
    const texts = restriction.all(XSD, 'enumeration').map((facet) => facet.attribute('value') ?? '');
    return texts.length === 0 ? scalar : toEnumeration(scalar, texts);
  }
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}
