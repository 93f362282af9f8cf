/** SOAP envelopes: what stands around a body when it is sent, and where the answer's body is. */
import type { SoapVersion } from './wsdl.ts';
import { XmlError, type XmlName, type XmlReader, XSI } from './xml.ts';

const SOAP_11 = 'http://schemas.xmlsoap.org/soap/envelope/';
const SOAP_12 = 'http://www.w3.org/2003/05/soap-envelope';

export const ENVELOPE_PREFIX = 'soap';

/** The parts of a message that are the same in every call. */
export interface EnvelopeFrame {
  /** Up to where the header's content begins. */
  readonly start: string;
  readonly end: string;
}

/** @param declarations namespaces that header and body use, ` xmlns:n0="…"` */
export function toFrame(version: SoapVersion, declarations: string): EnvelopeFrame {
  const namespace = version === '1.1' ? SOAP_11 : SOAP_12;
  return {
    start: `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${namespace}" xmlns:xsi="${XSI}"${declarations}>`,
    end: '</soap:Body></soap:Envelope>',
  };
}

export function toEnvelope(frame: EnvelopeFrame, header: string, body: string): string {
  return header === ''
    ? `${frame.start}<soap:Body>${body}${frame.end}`
    : `${frame.start}<soap:Header>${header}</soap:Header><soap:Body>${body}${frame.end}`;
}

/** HTTP headers of a message; SOAP 1.1 names the action beside, 1.2 within the content type. */
export function messageHeaders(version: SoapVersion, action: string): Readonly<Record<string, string>> {
  // The action is part of a quoted string.
  const quoted = `"${action.replace(/[\\"]/g, '\\$&')}"`;
  if (version === '1.1') {
    return { 'content-type': 'text/xml; charset=utf-8', accept: 'text/xml', soapaction: quoted };
  }
  return {
    'content-type': `application/soap+xml; charset=utf-8${action === '' ? '' : `; action=${quoted}`}`,
    accept: 'application/soap+xml',
  };
}

/**
 * Moves the reader to the first element of the body.
 * @returns whether there is one; it is the one just opened
 * @throws {XmlError} when the document is no envelope
 */
export function enterBody(reader: XmlReader): boolean {
  reader.next();
  if (!isOfSoap(reader, 'Envelope')) {
    throw new XmlError(reader.offset, `<${reader.local}> instead of a SOAP envelope`);
  }
  for (;;) {
    const event = reader.next();
    if (event === 'text') continue;
    if (event !== 'open') throw new XmlError(reader.offset, 'an envelope without a body');
    if (isOfSoap(reader, 'Body')) break;
    reader.skip();
  }
  for (;;) {
    const event = reader.next();
    if (event === 'open') return true;
    if (event !== 'text') return false;
  }
}

/** Whether the element just opened in a body is a fault. */
export function isFault(reader: XmlReader): boolean {
  return isOfSoap(reader, 'Fault');
}

/** Backends answer in the version that they prefer, whatever they were asked in. */
function isOfSoap({ local, namespace }: XmlName, name: string): boolean {
  return local === name && (namespace === SOAP_11 || namespace === SOAP_12);
}
