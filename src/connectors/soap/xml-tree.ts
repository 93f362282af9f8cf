/** XML as a tree, for WSDL and XSD documents: attributes by name, names in attribute values resolved where they stand. */
import { type XmlName, XmlReader } from './xml.ts';

/** A vendored document. */
export interface XmlFile {
  /** Path below the connector's folder. */
  readonly path: string;
  /** What offsets count in. */
  readonly text: string;
}

interface Scope {
  readonly prefix: string;
  readonly namespace: string;
  readonly outer: Scope | undefined;
}

export class XmlNode implements XmlName {
  readonly local: string;
  readonly namespace: string;
  /** Attributes without a prefix. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlNode[] = [];
  readonly file: XmlFile;
  /** Character offset of the element in its file. */
  readonly offset: number;
  readonly #scope: Scope | undefined;

  constructor(reader: XmlReader, file: XmlFile, scope: Scope | undefined) {
    this.local = reader.local;
    this.namespace = reader.namespace;
    this.attributes = new Map(
      reader.attributes.filter(({ namespace }) => namespace === '').map(({ local, value }) => [local, value]),
    );
    this.file = file;
    this.offset = reader.offset;
    this.#scope = scope;
  }

  attribute(name: string): string | undefined {
    return this.attributes.get(name);
  }

  /** The children of one name, in document order. */
  all(namespace: string, local: string): readonly XmlNode[] {
    return this.children.filter((child) => child.local === local && child.namespace === namespace);
  }

  first(namespace: string, local: string): XmlNode | undefined {
    return this.children.find((child) => child.local === local && child.namespace === namespace);
  }

  /** A text such as "tns:Invoice" as a name; undefined when its prefix means nothing here. Without a prefix and a default namespace, in none. */
  resolve(text: string): XmlName | undefined {
    const name = text.trim();
    const colon = name.indexOf(':');
    const prefix = colon === -1 ? '' : name.slice(0, colon);
    const local = name.slice(colon + 1);
    if (prefix === 'xml') return { local, namespace: 'http://www.w3.org/XML/1998/namespace' };
    for (let scope = this.#scope; scope !== undefined; scope = scope.outer) {
      if (scope.prefix === prefix) return { local, namespace: scope.namespace };
    }
    return prefix === '' ? { local, namespace: '' } : undefined;
  }
}

/** @throws {XmlError} */
export function parseXmlTree(path: string, source: string): XmlNode {
  const reader = new XmlReader(source);
  const file: XmlFile = { path, text: reader.source };
  const open: Array<{ readonly node: XmlNode; readonly outer: Scope | undefined }> = [];
  let scope: Scope | undefined;
  let root: XmlNode | undefined;
  for (;;) {
    switch (reader.next()) {
      case 'open': {
        const outer = scope;
        for (let index = 0; index < reader.declarations.length; index += 2) {
          scope = {
            prefix: reader.declarations[index]!,
            namespace: reader.declarations[index + 1]!,
            outer: scope,
          };
        }
        const node = new XmlNode(reader, file, scope);
        open.at(-1)?.node.children.push(node);
        root ??= node;
        open.push({ node, outer });
        break;
      }
      case 'close':
        scope = open.pop()!.outer;
        break;
      case 'text':
        break;
      case 'end':
        return root!;
    }
  }
}
