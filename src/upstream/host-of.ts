/** The host of a URL, without the brackets that an IPv6 address has there. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}
