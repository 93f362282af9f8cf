/** SOAP faults, of either version, as typed errors. */
import { UpstreamError } from '../../errors.ts';
import { type ErrorCodes, toSafeCode, type UpstreamCode } from '../../upstream/codes.ts';
import type { DecoderCompiler } from './decode.ts';
import type { XmlName, XmlReader } from './xml.ts';

/** `Fault` as both versions mean it. */
export interface Fault {
  /** "soap:Client", "wsse:FailedAuthentication"; the words of the version that the backend speaks. */
  readonly code: string;
  readonly codeName: XmlName;
  /** SOAP 1.2: narrower codes, the widest first. */
  readonly subcodes: ReadonlyArray<{ readonly text: string; readonly name: XmlName }>;
  readonly reason: string;
  readonly actor: string | undefined;
  /** The children of the detail element by name, decoded by the XSD where it knows them. */
  readonly detail: unknown;
}

const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const ENVELOPES = new Set([
  'http://schemas.xmlsoap.org/soap/envelope/',
  'http://www.w3.org/2003/05/soap-envelope',
]);

const MAX_REASON = 2000;
/** Details of larger answers are left out: errors are copied, logged and kept. */
const MAX_DETAIL_TEXT = 65_536;

/** Reads the Fault element that was just opened. @throws {XmlError} */
export function readFault(reader: XmlReader, decoders: DecoderCompiler): Fault {
  let code: { text: string; name: XmlName } = { text: 'none', name: { local: '', namespace: '' } };
  const subcodes: Array<{ text: string; name: XmlName }> = [];
  let reason: string | undefined;
  let actor: string | undefined;
  let detail: unknown;
  eachChild(reader, () => {
    switch (reader.local) {
      case 'faultcode':
        code = readCode(reader);
        return;
      case 'faultstring':
        reason = reader.readText();
        return;
      case 'faultactor':
      case 'Role':
        actor = reader.readText();
        return;
      case 'Code':
        eachChild(reader, () => {
          if (reader.local === 'Value') code = readCode(reader);
          else if (reader.local === 'Subcode') readSubcode(reader, subcodes);
          else reader.skip();
        });
        return;
      case 'Reason':
        eachChild(reader, () => {
          const isEnglish = reader.attributes.some(
            ({ local, value }) => local === 'lang' && value.startsWith('en'),
          );
          const text = reader.readText();
          if (reason === undefined || isEnglish) reason = text;
        });
        return;
      case 'detail':
      case 'Detail':
        detail = readDetail(reader, decoders);
        return;
      default:
        reader.skip();
    }
  });
  return {
    code: code.text,
    codeName: code.name,
    subcodes,
    reason: (reason ?? '').trim().slice(0, MAX_REASON),
    actor,
    detail,
  };
}

/** The typed error of a fault that came with an HTTP status. */
export function toFaultError(fault: Fault, codes: ErrorCodes, httpStatus: number): UpstreamError {
  const { code, subcodes, reason, actor, detail } = fault;
  return new UpstreamError(meaningOf(fault, codes) ?? codeOf(fault, httpStatus), codes.connector, {
    internal: `answered the fault ${code}: ${reason}`,
    status: toSafeCode(code),
    detail: {
      reason,
      ...(subcodes.length > 0 && { subcode: subcodes.at(-1)!.text }),
      ...(actor !== undefined && { actor: actor.slice(0, MAX_REASON) }),
      ...(detail !== undefined && { detail }),
    },
  });
}

/** What the team said that a fault means: by its detail first, then by the narrowest code. */
function meaningOf({ code, subcodes, detail }: Fault, codes: ErrorCodes): UpstreamCode | undefined {
  const elements = typeof detail === 'object' && detail !== null ? Object.keys(detail) : [];
  const names = [...elements, ...subcodes.map(({ text }) => text).reverse(), code];
  return names.map((name) => codes.given(name)).find((meaning) => meaning !== undefined);
}

function codeOf({ codeName, subcodes }: Fault, httpStatus: number): UpstreamCode {
  const isSecurity = codeName.namespace === WSSE || subcodes.some(({ name }) => name.namespace === WSSE);
  if (isSecurity || httpStatus === 401 || httpStatus === 403) return 'UPSTREAM_DENIED';
  // SOAP 1.1 narrows codes with a dot.
  const [kind = '', ...narrower] = codeName.local.split('.');
  const details = [...narrower, ...subcodes.map(({ name }) => name.local)];
  switch (kind) {
    case 'Client':
    case 'Sender':
      return details.some((text) => DENIALS.test(text)) ? 'UPSTREAM_DENIED' : 'UPSTREAM_REJECTED';
    case 'MustUnderstand':
    case 'VersionMismatch':
    case 'DataEncodingUnknown':
      return 'UPSTREAM_REJECTED';
    case 'Server':
    case 'Receiver':
      return 'UPSTREAM_FAILED';
    default:
      // A code of the backend's own.
      return httpStatus >= 400 && httpStatus < 500 ? 'UPSTREAM_REJECTED' : 'UPSTREAM_FAILED';
  }
}

const DENIALS =
  /^(?:Authentication|Authorization|AuthenticationFail(?:ure|ed)|FailedAuthentication|AccessDenied)$/i;

/** Whether it is about who asks, and not about what he may: other credentials may help. */
export function isOfCredentials({ codeName, subcodes }: Fault): boolean {
  return [codeName, ...subcodes.map(({ name }) => name)].some(
    ({ namespace, local }) =>
      namespace === WSSE || /\.?(?:Failed)?Authentication(?:Fail(?:ure|ed))?$/i.test(local),
  );
}

function readCode(reader: XmlReader): { text: string; name: XmlName } {
  // The prefix has to be looked up while its declaration is in scope.
  const scope = (prefix: string) => reader.namespaceOf(prefix);
  const declared = new Map<string, string | undefined>();
  for (let index = 0; index < reader.declarations.length; index += 2) {
    declared.set(reader.declarations[index]!, reader.declarations[index + 1]);
  }
  const whole = reader.readText().trim();
  // What is longer is no code, and a part of it may be of something that nobody may read.
  const text = whole.length > 64 ? '' : whole;
  const prefix = text.includes(':') ? text.slice(0, text.indexOf(':')) : '';
  const namespace = declared.get(prefix) ?? scope(prefix) ?? '';
  return toCode({ local: text.slice(text.indexOf(':') + 1), namespace }, prefix);
}

/** Every backend has its own prefix for the envelope, some without declaring it; here it is always "soap". */
function toCode({ local, namespace }: XmlName, prefix: string): { text: string; name: XmlName } {
  const isSoap = ENVELOPES.has(namespace) || (namespace === '' && STANDARD.test(local));
  const known = isSoap ? 'soap' : namespace === WSSE ? 'wsse' : prefix;
  return { text: known === '' ? local : `${known}:${local}`, name: { local, namespace } };
}

const STANDARD =
  /^(?:Client|Server|Sender|Receiver|MustUnderstand|VersionMismatch|DataEncodingUnknown)(?:\.|$)/;

function readSubcode(reader: XmlReader, subcodes: Array<{ text: string; name: XmlName }>): void {
  eachChild(reader, () => {
    if (reader.local === 'Value') subcodes.push(readCode(reader));
    else if (reader.local === 'Subcode') readSubcode(reader, subcodes);
    else reader.skip();
  });
}

function readDetail(reader: XmlReader, decoders: DecoderCompiler): unknown {
  if (reader.source.length > MAX_DETAIL_TEXT) {
    reader.skip();
    return undefined;
  }
  const detail: Record<string, unknown> = Object.create(null);
  let text = '';
  let isEmpty = true;
  for (;;) {
    const event = reader.next();
    if (event === 'text') {
      text += reader.text;
    } else if (event === 'open') {
      isEmpty = false;
      const key = reader.local;
      detail[key] = decoders.readUnknown(reader);
    } else {
      if (!isEmpty) return detail;
      return text.trim() === '' ? undefined : text.trim();
    }
  }
}

/** Calls `visit` for each child of the element just opened; it has to read the child to its end. */
function eachChild(reader: XmlReader, visit: () => void): void {
  for (;;) {
    const event = reader.next();
    if (event === 'open') visit();
    else if (event !== 'text') return;
  }
}
