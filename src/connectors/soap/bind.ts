/** Checks one `@soap` directive against the WSDL and compiles what it sends and how the answer is read. */
import type { Values } from '../../mapping/values.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import { bindAnswer } from './bind-answer.ts';
import { bindHeader } from './bind-header.ts';
import { bindBody } from './bind-request.ts';
import { checkAnswer } from './check-answer.ts';
import { EncoderCompiler } from './encode.ts';
import { type EnvelopeFrame, messageHeaders, toFrame } from './envelope.ts';
import { findOperation } from './find-operation.ts';
import type { SoapSpec } from './load.ts';
import type { SoapOptions } from './options.ts';
import type { XmlReader } from './xml.ts';

export interface SoapBinding {
  readonly operation: string;
  /** It is no mutation. */
  readonly isRead: boolean;
  /** Path and query of the endpoint. */
  readonly path: string;
  /** HTTP headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly frame: EnvelopeFrame;
  /** Content of the SOAP header, without security. @throws {HemError} BAD_ARGUMENT */
  readonly header: (values: Values) => string;
  /** Content of the SOAP body. @throws {HemError} BAD_ARGUMENT */
  readonly body: (values: Values) => string;
  /** Reads the body whose first element was just opened. @throws {XmlError} */
  readonly read: (reader: XmlReader) => unknown;
  /** The value when the body is empty; undefined when it must not be. */
  readonly empty: unknown;
  readonly spec: SoapSpec;
  /** A lookup's "not found" is "there is none", not a failure. */
  readonly missingIsNull: boolean;
}

export function bind(
  field: FieldToBind,
  spec: SoapSpec,
  source: ConnectorSource<SoapOptions>,
): SoapBinding | undefined {
  const found = findOperation(field, spec, source.options.version);
  if (found === undefined) return undefined;
  const { port, operation } = found;
  if (operation.encoded) {
    field.report(
      {
        rule: 'soap-encoded',
        message: `"${operation.name}" uses SOAP encoding, which is not supported.`,
        found: 'use="encoded"',
        expected: 'use="literal"',
      },
      ['operation'],
    );
    return undefined;
  }
  const input = operation.input();
  const output = operation.output();
  if (input === undefined || (output === undefined && !operation.oneWay)) return undefined;
  const compiler = new EncoderCompiler(spec.schemas);
  const header = bindHeader(field, spec, source, { port, input, compiler });
  const body = bindBody(field, spec, { operation, input, compiler });
  if (header === undefined || body === undefined) return undefined;
  const version = source.options.version ?? port.version;
  const answer = bindAnswer(field, spec, output);
  if (output !== undefined) checkAnswer(field, spec.schemas, answer.shape);
  const endpoint = new URL(source.settings.endpoint);
  return {
    operation: operation.name,
    isRead: field.use !== 'mutation',
    path: endpoint.pathname + endpoint.search,
    headers: messageHeaders(version, operation.action),
    frame: toFrame(version, compiler.declarations()),
    header,
    body,
    read: answer.read,
    empty: answer.empty,
    spec,
    missingIsNull: field.isLookup,
  };
}
