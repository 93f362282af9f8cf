/**
 * The WSDL and everything it imports, from the connector's folder only: an address is never fetched. Where the WSDL names
 * one, `imports:` in connector.yml says which vendored file stands for it.
 */
import { access } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Problem } from '../../problems.ts';
import { didYouMean } from '../../problems.ts';
import type { ConnectorSource } from '../kind.ts';
import type { SoapOptions } from './options.ts';
import { XML_NAMESPACE, XmlError } from './xml.ts';
import { decodeXmlBytes } from './xml-text.ts';
import { parseXmlTree, type XmlNode } from './xml-tree.ts';

export const WSDL = 'http://schemas.xmlsoap.org/wsdl/';
export const XSD = 'http://www.w3.org/2001/XMLSchema';
const WSDL_2 = 'http://www.w3.org/ns/wsdl';

const MAX_FILES = 500;

/** Reports a problem at an element of a vendored document. */
export type ReportAt = (node: XmlNode, problem: Omit<Problem, 'at'>) => void;

export interface SchemaDocument {
  readonly node: XmlNode;
  /** The includer's, where the document has none of its own. */
  readonly targetNamespace: string;
}

export interface Documents {
  readonly definitions: readonly XmlNode[];
  readonly schemas: readonly SchemaDocument[];
}

/** Namespaces that SOAP stacks know without a document: an import of them is not looked for. */
const KNOWN = new Set([
  XML_NAMESPACE,
  XSD,
  'http://schemas.xmlsoap.org/soap/encoding/',
  'http://schemas.xmlsoap.org/soap/envelope/',
  'http://www.w3.org/2003/05/soap-envelope',
  'http://www.w3.org/2003/05/soap-encoding',
  WSDL,
]);

/** Undefined after problems that leave nothing to read. */
export async function loadDocuments(source: ConnectorSource<SoapOptions>): Promise<Documents | undefined> {
  const loader = new DocumentLoader(source);
  await loader.loadRoot(source.options.wsdl);
  return loader.failed ? undefined : { definitions: loader.definitions, schemas: loader.schemas };
}

class DocumentLoader {
  readonly definitions: XmlNode[] = [];
  readonly schemas: SchemaDocument[] = [];
  failed = false;
  readonly #source: ConnectorSource<SoapOptions>;
  readonly #seen = new Set<string>();
  readonly #trees = new Map<string, XmlNode | undefined>();

  constructor(source: ConnectorSource<SoapOptions>) {
    this.#source = source;
  }

  async loadRoot(file: string): Promise<void> {
    const root = await this.#read(file);
    if (root === undefined) return;
    if (root.namespace === WSDL && root.local === 'definitions') {
      this.#seen.add(`${file} `);
      await this.#addDefinitions(root);
      return;
    }
    this.#report(root, {
      rule: 'wsdl-root',
      message: root.namespace === WSDL_2 ? 'WSDL 2.0 is not supported.' : 'This is not a WSDL document.',
      found: `<${root.local}> of ${root.namespace || 'no namespace'}`,
      expected: `<definitions> of ${WSDL}`,
    });
  }

  async #addDefinitions(root: XmlNode): Promise<void> {
    this.definitions.push(root);
    for (const types of root.all(WSDL, 'types')) {
      for (const schema of types.all(XSD, 'schema')) await this.#addSchema(schema, undefined);
    }
    for (const element of root.all(WSDL, 'import')) {
      const imported = await this.#follow(element, 'location', undefined);
      if (imported === undefined) continue;
      if (imported.namespace === WSDL && imported.local === 'definitions')
        await this.#addDefinitions(imported);
      else await this.#addSchema(imported, undefined);
    }
  }

  async #addSchema(schema: XmlNode, includer: string | undefined): Promise<void> {
    if (schema.namespace !== XSD || schema.local !== 'schema') {
      this.#report(schema, {
        rule: 'wsdl-root',
        message: 'This is not an XML Schema.',
        found: `<${schema.local}> of ${schema.namespace || 'no namespace'}`,
        expected: `<schema> of ${XSD}`,
      });
      return;
    }
    const targetNamespace = schema.attribute('targetNamespace') ?? includer ?? '';
    this.schemas.push({ node: schema, targetNamespace });
    for (const element of schema.children) {
      if (element.namespace !== XSD) continue;
      if (element.local === 'redefine') {
        this.#report(element, { rule: 'wsdl-redefine', message: '<redefine> is not supported.' });
      } else if (element.local === 'include') {
        const included = await this.#follow(element, 'schemaLocation', targetNamespace);
        if (included !== undefined) await this.#addSchema(included, targetNamespace);
      } else if (element.local === 'import' && !KNOWN.has(element.attribute('namespace') ?? '')) {
        const imported = await this.#follow(element, 'schemaLocation', undefined);
        if (imported !== undefined) await this.#addSchema(imported, undefined);
      }
    }
  }

  /** The root of the document that an import names; undefined when there is none to read, or it was read before. */
  async #follow(
    element: XmlNode,
    attribute: 'location' | 'schemaLocation',
    includer: string | undefined,
  ): Promise<XmlNode | undefined> {
    const location = element.attribute(attribute)?.trim();
    // An import without a place says only that the namespace is used.
    if (location === undefined || location === '') return undefined;
    const path = await this.#toFile(element, location);
    if (path === undefined) return undefined;
    const key = `${path} ${includer ?? ''}`;
    if (this.#seen.has(key)) return undefined;
    this.#seen.add(key);
    if (this.#seen.size > MAX_FILES) {
      this.#report(element, {
        rule: 'wsdl-import',
        message: `More than ${MAX_FILES} documents are imported.`,
      });
      return undefined;
    }
    return this.#read(path);
  }

  async #toFile(element: XmlNode, location: string): Promise<string | undefined> {
    const { imports } = this.#source.options;
    const given = Object.hasOwn(imports, location) ? imports[location] : undefined;
    if (given !== undefined) return posix.normalize(given);
    const folder = posix.dirname(element.file.path);
    const path = posix.normalize(posix.join(folder, location));
    if (/^[a-z][a-z0-9+.-]*:/i.test(location) || location.startsWith('/') || location.startsWith('\\')) {
      this.#report(element, {
        rule: 'wsdl-import',
        message: 'Imports are read from the connector’s folder only.',
        found: location,
        expected: 'a path relative to this file',
        hint: `put the document beside the WSDL and say so in connector.yml: imports: { ${JSON.stringify(location)}: "file.xsd" }`,
      });
      return undefined;
    }
    if (path === '..' || path.startsWith('../')) {
      this.#report(element, {
        rule: 'wsdl-import',
        message: 'The import leads out of the connector’s folder.',
        found: location,
      });
      return undefined;
    }
    if (!(await exists(this.#source, path))) {
      this.#report(element, {
        rule: 'wsdl-import',
        message: `The imported document is not in the connector’s folder.`,
        found: location,
        hint: didYouMean(location, Object.keys(imports)),
      });
      return undefined;
    }
    return path;
  }

  async #read(path: string): Promise<XmlNode | undefined> {
    if (this.#trees.has(path)) return this.#trees.get(path);
    const root = await this.#parse(path);
    this.#trees.set(path, root);
    if (root === undefined) this.failed = true;
    return root;
  }

  async #parse(path: string): Promise<XmlNode | undefined> {
    const bytes = await this.#source.read(path, ['wsdl']);
    if (bytes === undefined) return undefined;
    const text = decodeXmlBytes(bytes);
    try {
      return parseXmlTree(path, text);
    } catch (error) {
      if (!(error instanceof XmlError)) throw error;
      this.#source.reportIn(path, text.replace(/\r\n?/g, '\n'), error.offset, {
        rule: 'wsdl-syntax',
        message: 'The document cannot be read as XML.',
        found: error.message,
        hint:
          error.message === 'a document type declaration'
            ? 'remove it: entities and external documents are never loaded'
            : undefined,
      });
      return undefined;
    }
  }

  #report(node: XmlNode, problem: Omit<Problem, 'at'>): void {
    this.failed = true;
    this.#source.reportIn(node.file.path, node.file.text, node.offset, problem);
  }
}

async function exists(source: ConnectorSource<SoapOptions>, path: string): Promise<boolean> {
  try {
    await access(source.locate(path));
    return true;
  } catch {
    return false;
  }
}
