/** The services of a WSDL: which operations each SOAP port has, and which messages they exchange. */
import { type ReportAt, WSDL } from './documents.ts';
import type { SchemaSet } from './schema-set.ts';
import type { ElementDeclaration, Field, RecordShape, Shape } from './shape.ts';
import type { XmlName } from './xml.ts';
import type { XmlNode } from './xml-tree.ts';

export type SoapVersion = '1.1' | '1.2';

export interface Port {
  readonly service: string;
  readonly name: string;
  readonly version: SoapVersion;
  /** The interface that it offers: ports of one interface differ in protocol only. */
  readonly portType: string;
  readonly operations: ReadonlyMap<string, Operation>;
}

export interface Operation {
  readonly name: string;
  /** The SOAPAction, often empty. */
  readonly action: string;
  readonly style: 'document' | 'rpc';
  /** SOAP's own encoding instead of the XSD's: not supported. */
  readonly encoded: boolean;
  readonly node: XmlNode;
  /** Resolved when asked for: of a large WSDL only the bound operations are looked into. */
  readonly input: () => Message | undefined;
  /** Undefined for one-way operations, and after reported problems. */
  readonly output: () => Message | undefined;
  readonly oneWay: boolean;
  /** Elements that a fault's detail may hold. */
  readonly faults: () => readonly ElementDeclaration[];
}

export interface Message {
  /** Of rpc style: the element around the parts. */
  readonly wrapper: XmlName | undefined;
  readonly parts: readonly Part[];
  readonly headers: readonly ElementDeclaration[];
}

/** One element of the body, or of the wrapper. */
export interface Part {
  readonly name: string;
  readonly element: ElementDeclaration;
}

const SOAP_BINDINGS: ReadonlyMap<string, SoapVersion> = new Map([
  ['http://schemas.xmlsoap.org/wsdl/soap/', '1.1'],
  ['http://schemas.xmlsoap.org/wsdl/soap12/', '1.2'],
]);

const HTTP_TRANSPORTS = new Set([
  'http://schemas.xmlsoap.org/soap/http',
  'http://www.w3.org/2003/05/soap/bindings/HTTP/',
]);

/** The ports that speak SOAP over HTTP, in document order. */
export function readPorts(
  definitions: readonly XmlNode[],
  schemas: SchemaSet,
  report: ReportAt,
): readonly Port[] {
  return new WsdlReader(definitions, schemas, report).ports();
}

class WsdlReader {
  readonly #definitions: readonly XmlNode[];
  readonly #schemas: SchemaSet;
  readonly #report: ReportAt;

  constructor(definitions: readonly XmlNode[], schemas: SchemaSet, report: ReportAt) {
    this.#definitions = definitions;
    this.#schemas = schemas;
    this.#report = report;
  }

  ports(): readonly Port[] {
    return this.#definitions.flatMap((root) =>
      root
        .all(WSDL, 'service')
        .flatMap((service) => service.all(WSDL, 'port').flatMap((port) => this.#port(service, port))),
    );
  }

  #port(service: XmlNode, port: XmlNode): readonly Port[] {
    const binding = this.#lookUp(port, 'binding', 'binding');
    if (binding === undefined) return [];
    // Other bindings (HTTP GET and POST, MIME) stand beside SOAP in many documents.
    const soap = binding.children.find(
      (child) => child.local === 'binding' && SOAP_BINDINGS.has(child.namespace),
    );
    if (soap === undefined || !HTTP_TRANSPORTS.has(soap.attribute('transport') ?? '')) return [];
    const portType = this.#lookUp(binding, 'type', 'portType');
    if (portType === undefined) return [];
    const operations = new Map<string, Operation>();
    for (const node of binding.all(WSDL, 'operation')) {
      const operation = this.#operation(node, soap, portType);
      if (operation !== undefined && !operations.has(operation.name))
        operations.set(operation.name, operation);
    }
    return [
      {
        service: service.attribute('name') ?? '',
        name: port.attribute('name') ?? '',
        version: SOAP_BINDINGS.get(soap.namespace)!,
        portType: binding.attribute('type') ?? '',
        operations,
      },
    ];
  }

  #operation(node: XmlNode, soap: XmlNode, portType: XmlNode): Operation | undefined {
    const name = node.attribute('name') ?? '';
    const abstract = portType.all(WSDL, 'operation').find((one) => one.attribute('name') === name);
    if (abstract === undefined) {
      this.#report(node, {
        rule: 'wsdl-unknown-name',
        message: `The port type "${portType.attribute('name') ?? ''}" has no operation of this name.`,
        found: name,
      });
      return undefined;
    }
    const details = node.first(soap.namespace, 'operation');
    const style = details?.attribute('style') ?? soap.attribute('style') ?? 'document';
    const rpc = style === 'rpc';
    const input = node.first(WSDL, 'input');
    const output = node.first(WSDL, 'output');
    const declaredOutput = abstract.first(WSDL, 'output');
    return {
      name,
      action: details?.attribute('soapAction') ?? '',
      style: rpc ? 'rpc' : 'document',
      encoded: [input, output].some((side) => bodyOf(side, soap.namespace)?.attribute('use') === 'encoded'),
      node,
      oneWay: declaredOutput === undefined,
      input: once(() =>
        this.#message(
          abstract.first(WSDL, 'input'),
          input,
          soap.namespace,
          rpc ? { local: name, namespace: namespaceOf(input, soap.namespace) } : undefined,
        ),
      ),
      output: once(() =>
        declaredOutput === undefined
          ? undefined
          : this.#message(
              declaredOutput,
              output,
              soap.namespace,
              rpc ? { local: `${name}Response`, namespace: namespaceOf(output, soap.namespace) } : undefined,
            ),
      ),
      faults: once(() =>
        abstract
          .all(WSDL, 'fault')
          .flatMap((fault) => this.#parts(fault).flatMap((part) => this.#element(part) ?? [])),
      ),
    };
  }

  #message(
    abstract: XmlNode | undefined,
    concrete: XmlNode | undefined,
    soapNamespace: string,
    wrapper: XmlName | undefined,
  ): Message | undefined {
    if (abstract === undefined) return { wrapper, parts: [], headers: [] };
    const headerNodes = concrete === undefined ? [] : descendants(concrete, soapNamespace, 'header');
    const headers = headerNodes.flatMap((node) => this.#header(node) ?? []);
    // A header may take a part of the operation's own message, which is then no part of the body.
    const ownHeaders = new Set(
      headerNodes.filter((node) => sameMessage(node, abstract)).map((node) => node.attribute('part')),
    );
    const listed = bodyOf(concrete, soapNamespace)?.attribute('parts')?.trim().split(/\s+/);
    const parts = this.#parts(abstract)
      .filter((part) => {
        const name = part.attribute('name');
        return listed === undefined ? !ownHeaders.has(name) : listed.includes(name ?? '');
      })
      .flatMap((part) => {
        const element = wrapper === undefined ? this.#element(part) : this.#parameter(part);
        return element === undefined ? [] : [{ name: part.attribute('name') ?? '', element }];
      });
    return { wrapper, parts, headers };
  }

  #header(node: XmlNode): ElementDeclaration | undefined {
    const part = this.#parts(node).find((one) => one.attribute('name') === node.attribute('part'));
    if (part !== undefined) return this.#element(part);
    this.#report(node, {
      rule: 'wsdl-unknown-name',
      message: 'The message of this header has no such part.',
      found: node.attribute('part') ?? 'no part',
    });
    return undefined;
  }

  /** The parts of the message that an element names. */
  #parts(node: XmlNode): readonly XmlNode[] {
    return this.#lookUp(node, 'message', 'message')?.all(WSDL, 'part') ?? [];
  }

  /** Of document style: the global element that a part is. */
  #element(part: XmlNode): ElementDeclaration | undefined {
    if (part.attributes.has('element')) return this.#schemas.elementAt(part, 'element');
    this.#report(part, {
      rule: 'wsdl-part',
      message: 'Parts of document style, of headers and of faults are elements.',
      found: `type="${part.attribute('type') ?? ''}"`,
      expected: 'element="…"',
    });
    return undefined;
  }

  /** Of rpc style: an element without a namespace, named as the part. */
  #parameter(part: XmlNode): ElementDeclaration | undefined {
    if (part.attributes.has('element')) return this.#schemas.elementAt(part, 'element');
    const shape: Shape | undefined = this.#schemas.typeAt(part, 'type');
    if (shape === undefined) return undefined;
    const local = part.attribute('name') ?? '';
    return { local, namespace: '', nillable: false, fallback: undefined, shape: () => shape };
  }

  /** What an attribute's name refers to, among all documents. */
  #lookUp(node: XmlNode, attribute: string, kind: string): XmlNode | undefined {
    const text = node.attribute(attribute) ?? '';
    const name = node.resolve(text);
    for (const root of this.#definitions) {
      if (name === undefined || (root.attribute('targetNamespace') ?? '') !== name.namespace) continue;
      const found = root.all(WSDL, kind).find((one) => one.attribute('name') === name.local);
      if (found !== undefined) return found;
    }
    this.#report(node, {
      rule: 'wsdl-unknown-name',
      message: `The vendored documents have no ${kind} of this name.`,
      found: text,
      expected: name === undefined ? 'a declared prefix' : `one of the namespace "${name.namespace}"`,
    });
    return undefined;
  }
}

/** Several parts as if they were the children of one element. */
export function shapeOfParts({ parts }: Message): RecordShape {
  const fields = parts.map(
    ({ element }): Field => ({ ...element, key: element.local, list: false, required: true }),
  );
  return {
    kind: 'record',
    name: undefined,
    abstract: false,
    fields,
    attributes: [],
    text: undefined,
    mixed: false,
    open: false,
  };
}

function bodyOf(side: XmlNode | undefined, soapNamespace: string): XmlNode | undefined {
  return side === undefined ? undefined : descendants(side, soapNamespace, 'body')[0];
}

function namespaceOf(side: XmlNode | undefined, soapNamespace: string): string {
  return bodyOf(side, soapNamespace)?.attribute('namespace') ?? '';
}

/** Also below MIME's wrappers. */
function descendants(node: XmlNode, namespace: string, local: string): readonly XmlNode[] {
  return node.children.flatMap((child) =>
    child.namespace === namespace && child.local === local ? [child] : descendants(child, namespace, local),
  );
}

function sameMessage(a: XmlNode, b: XmlNode): boolean {
  const first = a.resolve(a.attribute('message') ?? '');
  const second = b.resolve(b.attribute('message') ?? '');
  return first?.local === second?.local && first?.namespace === second?.namespace;
}

/** Remembers the first result. */
function once<T>(compute: () => T): () => T {
  let done = false;
  let value: T;
  return () => {
    if (!done) {
      value = compute();
      done = true;
    }
    return value;
  };
}
