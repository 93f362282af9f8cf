/** The XSD documents of a WSDL as one set, and the shapes that they describe. */
import { Attributes } from './attributes.ts';
import { type Component, Components, MAX_NESTING } from './components.ts';
import { type ReportAt, type SchemaDocument, XSD } from './documents.ts';
import { inChoice, inSequence, type Occurrence, occurs, times, toFields } from './occurrences.ts';
import { anySimple, BUILT_IN, type Scalar } from './scalars.ts';
import { ANY, type AttributeField, type ElementDeclaration, type RecordShape, type Shape } from './shape.ts';
import { SimpleTypes } from './simple-types.ts';
import { XML_NAMESPACE, type XmlName } from './xml.ts';
import type { XmlNode } from './xml-tree.ts';

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

export class SchemaSet {
  readonly #components: Components;
  readonly #simpleTypes: SimpleTypes;
  readonly #attributes: Attributes;
  readonly #prefixes = new Map<string, string>();
  readonly #shapes = new Map<XmlNode, Shape>();
  readonly #groups = new Map<XmlNode, Pick<Content, 'elements' | 'open'>>();
  readonly #declarations = new Map<XmlNode, ElementDeclaration>();

  constructor(documents: readonly SchemaDocument[], report: ReportAt) {
    this.#components = new Components(documents, report);
    this.#simpleTypes = new SimpleTypes(this.#components);
    this.#attributes = new Attributes(this.#components, this.#simpleTypes);
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
    const component = this.#components.get('element', name);
    return component === undefined ? undefined : this.#declarationOf(component, component.targetNamespace);
  }

  /** Global elements of a local name, in whatever namespace. */
  elementsNamed(local: string): readonly ElementDeclaration[] {
    return this.#components
      .named('element', local)
      .map((component) => this.#declarationOf(component, component.targetNamespace));
  }

  elementNames(): readonly string[] {
    return this.#components.namesOf('element');
  }

  /** The shape of a named type, built-in ones too. */
  type(name: XmlName): Shape | undefined {
    if (name.namespace === XSD) {
      return BUILT_IN_SHAPES.get(name.local);
    }
    const component = this.#components.get('type', name);
    return component === undefined ? undefined : this.#shapeOfType(component);
  }

  /** The names of types with this local name, in whatever namespace. */
  typesNamed(local: string): readonly XmlName[] {
    return this.#components
      .named('type', local)
      .map(({ targetNamespace }) => ({ local, namespace: targetNamespace }));
  }

  typeNames(): readonly string[] {
    return this.#components.namesOf('type');
  }

  /** Whether xsi:type may bring more than the shape says. */
  hasDerived(name: XmlName | undefined): boolean {
    return this.#components.hasDerived(name);
  }

  /** Whether a type may stand where another one is declared. */
  isDerived(name: XmlName, declared: XmlName | undefined): boolean {
    return this.#components.isDerived(name, declared);
  }

  /** The shape of the type that an attribute of a WSDL element names, or undefined after a reported problem. */
  typeAt(node: XmlNode, attribute: string): Shape | undefined {
    const text = node.attribute(attribute);
    const name = text === undefined ? undefined : node.resolve(text);
    const shape = name === undefined ? undefined : this.type(name);
    if (shape === undefined) this.#components.reportUnknown(node, 'type', text ?? '');
    return shape;
  }

  /** The global element that an attribute of a WSDL element names, or undefined after a reported problem. */
  elementAt(node: XmlNode, attribute: string): ElementDeclaration | undefined {
    const text = node.attribute(attribute);
    const name = text === undefined ? undefined : node.resolve(text);
    const declaration = name === undefined ? undefined : this.element(name);
    if (declaration === undefined) this.#components.reportUnknown(node, 'element', text ?? '');
    return declaration;
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
    const component = this.#components.find('element', context, node, head);
    return component === undefined ? ANY : this.#shapeOfElement(component, depth + 1);
  }

  #shapeNamed(context: Component, node: XmlNode, text: string): Shape {
    const name = this.#components.resolve(context, node, text);
    const shape = name === undefined ? undefined : this.type(name);
    if (shape !== undefined) return shape;
    this.#components.reportUnknown(node, 'type', text);
    return ANY;
  }

  #shapeOfType(context: Component): Shape {
    const { node } = context;
    const known = this.#shapes.get(node);
    if (known !== undefined) return known;
    const shape: Shape =
      node.local === 'simpleType'
        ? { kind: 'simple', scalar: this.#simpleTypes.of(context, 0) }
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
      this.#components.reportNesting(node, 'Types derive from each other');
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
    for (const name of this.#attributes.prohibited(context, step)) attributes.delete(name);
    if (derived.local === 'simpleContent') {
      const text = base.text ?? anySimple;
      const narrowed =
        step.local === 'restriction' ? this.#simpleTypes.narrow(context, step, text, depth) : text;
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
    const name = this.#components.resolve(context, node, text);
    if (name?.namespace === XSD) {
      const scalar = BUILT_IN.get(name.local);
      return scalar === undefined ? EMPTY : { ...EMPTY, text: scalar };
    }
    const base = this.#components.find('type', context, node, text);
    if (base === undefined) return EMPTY;
    return base.node.local === 'simpleType'
      ? { ...EMPTY, text: this.#simpleTypes.of(base, depth + 1) }
      : this.#contentOf(base, depth + 1);
  }

  /** What stands in a complexType, an extension or a restriction itself. */
  #ownContent(context: Component, node: XmlNode): Pick<Content, 'elements' | 'attributes' | 'open'> {
    const attributes = new Map<string, AttributeField>();
    this.#attributes.add(context, node, attributes, new Set());
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
        const group =
          reference === undefined ? undefined : this.#components.find('group', context, node, reference);
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
      this.#components.reportNesting(node, 'Groups contain each other');
      return EMPTY;
    }
    const walk: Walk = { open: false, groups: depth };
    const inside = node.children.map((child) => this.#particle(group, child, walk));
    const content = { elements: inSequence(inside), open: walk.open };
    this.#groups.set(node, content);
    return content;
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
    const component = this.#components.find('element', context, node, reference);
    if (component === undefined) return [];
    const members = this.#components.withSubstitutes(component);
    return inChoice(
      members
        .filter((member) => !isTrue(member.node.attribute('abstract')))
        .map((member) => [
          { declaration: this.#declarationOf(member, member.targetNamespace), min: 1, max: 1 },
        ]),
    );
  }
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}
