/** The key `tls`: whom to believe, and as whom to come. */
import { z } from 'zod';

export const tls = z
  .strictObject({
    /** PEM texts or `${file:…}`. */
    ca: z.string().optional(),
    certificate: z.string().optional(),
    key: z.string().optional(),
    serverName: z.string().optional(),
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    error: '"certificate" and "key" together',
  })
  .optional();

export type TlsSettings = NonNullable<z.output<typeof tls>>;
