/** Reads the WSDL and what it imports. Nothing of it is looked into before a field is bound to it. */
import { didYouMean } from '../../problems.ts';
import { ErrorCodes } from '../../upstream/codes.ts';
import type { ConnectorSource } from '../kind.ts';
import { DecoderCompiler } from './decode.ts';
import { loadDocuments, type ReportAt } from './documents.ts';
import type { SoapOptions } from './options.ts';
import { SchemaSet } from './schema-set.ts';
import { openSecurity, type SecurityHeader } from './security.ts';
import type { ElementDeclaration } from './shape.ts';
import { type Port, readPorts } from './wsdl.ts';

export interface SoapSpec {
  /** Of the WSDL, for messages. */
  readonly file: string;
  readonly ports: readonly Port[];
  readonly schemas: SchemaSet;
  readonly decoders: DecoderCompiler;
  readonly security: SecurityHeader | undefined;
  /** What the backend's faults mean, by code or detail element. */
  readonly codes: ErrorCodes;
  /** The headers of connector.yml. */
  readonly headers: ReadonlyArray<{ readonly declaration: ElementDeclaration; readonly value: unknown }>;
}

export async function load(source: ConnectorSource<SoapOptions>): Promise<SoapSpec | undefined> {
  const documents = await loadDocuments(source);
  if (documents === undefined) return undefined;
  const report: ReportAt = (node, problem) =>
    source.reportIn(node.file.path, node.file.text, node.offset, problem);
  const schemas = new SchemaSet(documents.schemas, report);
  const ports = readPorts(documents.definitions, schemas, report);
  const file = source.options.wsdl;
  if (ports.length === 0) {
    report(documents.definitions[0]!, {
      rule: 'wsdl-no-port',
      message: 'The WSDL has no service with a port that speaks SOAP over HTTP.',
      expected: '<service> with a <port> whose binding is soap:binding or soap12:binding',
    });
    return undefined;
  }
  const headers = Object.entries(source.options.header).flatMap(([name, value]) => {
    const declaration = headerElement(source, schemas, name);
    return declaration === undefined ? [] : [{ declaration, value }];
  });
  const security = await openSecurity(source.options.security);
  checkCodes(source, schemas);
  const decoders = new DecoderCompiler(schemas);
  const codes = new ErrorCodes(source.name, source.options.codes);
  return { file, ports, schemas, decoders, security, headers, codes };
}

/** Fault codes are nowhere declared, detail elements are. */
function checkCodes(source: ConnectorSource<SoapOptions>, schemas: SchemaSet): void {
  for (const name of Object.keys(source.options.codes)) {
    if (name.includes(':') || schemas.elementsNamed(name).length > 0) continue;
    source.report(['codes', name], {
      rule: 'soap-unknown-fault',
      message: `${source.options.wsdl} has no element of this name.`,
      found: name,
      expected: 'an element that a fault brings as its detail, or a fault code such as "soap:Client"',
      hint: didYouMean(name, schemas.elementNames()),
    });
  }
}

function headerElement(
  source: ConnectorSource<SoapOptions>,
  schemas: SchemaSet,
  name: string,
): ElementDeclaration | undefined {
  const found = schemas.elementsNamed(name);
  if (found.length === 1) return found[0];
  source.report(['header', name], {
    rule: 'soap-unknown-header',
    message:
      found.length === 0
        ? `${source.options.wsdl} has no element of this name.`
        : `${source.options.wsdl} has ${found.length} elements of this name, in different namespaces.`,
    found: name,
    hint: found.length === 0 ? didYouMean(name, schemas.elementNames()) : undefined,
  });
  return undefined;
}
