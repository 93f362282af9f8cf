import { z } from 'zod';
import { codes } from '../../upstream/codes.ts';
import { cache, dedupe } from '../../upstream/sharing-settings.ts';

const usernameToken = z.strictObject({
  username: z.string(),
  password: z.string(),
  /** How the password travels: as it is, or as the digest of nonce, time and password. */
  passwordType: z.enum(['text', 'digest']).default('text'),
});

export const options = z.strictObject({
  /** The WSDL 1.1 document in the connector's folder. The address in it is never used. */
  wsdl: z.string(),
  /** Default: what the port's binding says. */
  version: z.enum(['1.1', '1.2']).optional(),
  /** Addresses that the documents import, and the files in the connector's folder that stand for them. */
  imports: z.record(z.string(), z.string()).default({}),
  /** SOAP headers of every operation that declares them: header elements by name, with their content. */
  header: z.record(z.string(), z.unknown()).default({}),
  /** What the backend's own faults mean: detail elements ("NoSuchInvoice") or fault codes ("soap:Client", "m:Busy") by name. */
  codes,
  /** WS-Security. */
  security: z
    .strictObject({
      usernameToken,
      /** Whether a timestamp of ten minutes goes along. */
      timestamp: z.boolean().default(false),
      /** Whether the backend must refuse the message if it does not look at the security header. */
      mustUnderstand: z.boolean().default(false),
    })
    .optional(),
  /** What is asked the same at the same time is asked once. */
  dedupe,
  /** Answers are kept as long as the backend's headers allow. */
  cache,
});

export type SoapOptions = z.output<typeof options>;

export const directives = /* GraphQL */ `
  """
  One call of an operation of the WSDL. The field is the content of the answer's element: a record of its children and
  attributes, or its value.
  """
  directive @soap(
    operation: String!
    "Needed when several services have the operation."
    service: String
    "Needed when several ports of different kinds have the operation."
    port: String
    """
    A literal: the content of the request's element. Without it, each child is filled from the argument of its name, then
    from the parent's key field of its name.
    """
    args: String
    "A literal: header elements by name, with their content. They come in place of those of connector.yml."
    header: String
    "Path to the part of the answer that the field is."
    select: String
  ) on FIELD_DEFINITION
`;
