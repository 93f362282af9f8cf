/**
 * The billing backend: SOAP 1.1 by `soap.listen`. Invoices with decimal amounts that carry their currency as an attribute, lists of one,
 * dates, nil, and faults with a detail. Described by `connectors/billing/billing.wsdl`.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { listen as listenSoap } from 'soap';
import { BILLING_LOGIN } from './credentials.ts';
import { CURRENCY, DATA, type Invoice } from './data.ts';
import { createHttpServer, type DemoServer, type DemoServerOptions, listen } from './server.ts';

const WSDL = fileURLToPath(new URL('../connectors/billing/billing.wsdl', import.meta.url));
const LOGIN = `Basic ${Buffer.from(`${BILLING_LOGIN.username}:${BILLING_LOGIN.password}`).toString('base64')}`;

const NIL = {
  attributes: { 'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', 'xsi:nil': 'true' },
};

export async function startBilling(options: DemoServerOptions): Promise<DemoServer> {
  const invoices = new Map<string, Invoice>(DATA.invoices.map((invoice) => [invoice.id, invoice]));
  const riders = new Set(DATA.riders.map(({ id }) => id));
  const ofRider = (riderId: string) => {
    if (!riders.has(riderId)) throw unknownRider(riderId);
    return [...invoices.values()].filter((invoice) => invoice.riderId === riderId).reverse();
  };

  const operations = {
    ListInvoices: ({ RiderId, Limit }: { RiderId: string; Limit?: number }) => ({
      Invoice: ofRider(RiderId)
        .slice(0, Limit ?? 24)
        .map(toWire),
    }),
    GetInvoice: ({ InvoiceId }: { InvoiceId: string }) => {
      const invoice = invoices.get(InvoiceId);
      return invoice === undefined ? {} : { Invoice: toWire(invoice) };
    },
    GetBalance: ({ RiderId }: { RiderId: string }) => {
      const open = ofRider(RiderId).filter(({ status }) => status === 'open');
      return { Balance: toAmount(-sum(open.flatMap(({ lines }) => lines))) };
    },
    RefundInvoice: ({ InvoiceId, Reason }: { InvoiceId: string; Reason: string }) => {
      const invoice = invoices.get(InvoiceId);
      if (invoice === undefined) throw refundRefused(InvoiceId, 'there is no such invoice');
      if (invoice.status !== 'paid') throw refundRefused(InvoiceId, `it is ${invoice.status}`);
      if (String(Reason).trim() === '') throw refundRefused(InvoiceId, 'a reason is needed');
      const refunded: Invoice = { ...invoice, status: 'refunded' };
      invoices.set(InvoiceId, refunded);
      return { Invoice: toWire(refunded) };
    },
  };

  const server = createHttpServer();
  const listening = await listen(server, options);
  const soap = listenSoap(server, {
    path: '/billing',
    services: { Billing: { BillingSoap: operations } },
    xml: readFileSync(WSDL, 'utf8'),
    uri: WSDL,
  });
  soap.authorizeConnection = (request: IncomingMessage, response?: ServerResponse) => {
    if (request.method === 'GET' || request.headers.authorization === LOGIN) return true;
    response?.writeHead(401, { 'www-authenticate': 'Basic realm="billing"' });
    return false;
  };
  return {
    url: `http://${listening.authority}/billing`,
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
}

function toWire(invoice: Invoice): unknown {
  return {
    attributes: { id: invoice.id },
    RiderId: invoice.riderId,
    Period: invoice.period,
    IssuedAt: new Date(invoice.issuedAt).toISOString(),
    Status: invoice.status,
    Lines: {
      Line: invoice.lines.map(({ text, rideId, cents }) => ({
        Text: text,
        RideRef: rideId ?? NIL,
        Amount: toAmount(cents),
      })),
    },
    Total: toAmount(sum(invoice.lines)),
  };
}

function sum(lines: Invoice['lines']): number {
  return lines.reduce((total, { cents }) => total + cents, 0);
}

function toAmount(cents: number): unknown {
  return { attributes: { currency: CURRENCY }, $value: (cents / 100).toFixed(2) };
}

/** The `soap` package sends an error's `Fault` as it is. */
class SoapFault extends Error {
  readonly Fault: unknown;
  constructor(text: string, detail: unknown) {
    super(text);
    this.Fault = { faultcode: 'soap:Client', faultstring: text, detail, statusCode: 500 };
  }
}

function unknownRider(riderId: string): SoapFault {
  return new SoapFault('The rider is not known.', { 'b:UnknownRider': { 'b:RiderId': riderId } });
}

function refundRefused(invoiceId: string, why: string): SoapFault {
  return new SoapFault('The refund is refused.', {
    'b:RefundRefused': { 'b:InvoiceId': invoiceId, 'b:Why': why },
  });
}
