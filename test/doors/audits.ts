/** The public list of audits for GraphQL over HTTP, run against one URL. */
import { type AuditFail, serverAudits } from 'graphql-http';

/** How many audits the list has. A newer list has to be looked at, not only counted. */
export const AUDITS = 61;

/** Runs all audits. Gives what failed, as "id name: reason". */
export async function failedAudits(url: string, fetchFn: typeof fetch = fetch): Promise<readonly string[]> {
  const failed: string[] = [];
  const audits = serverAudits({ url, fetchFn });
  if (audits.length !== AUDITS) failed.push(`the list has ${audits.length} audits instead of ${AUDITS}`);
  for (const audit of audits) {
    const result = await audit.fn();
    if (result.status !== 'ok') failed.push(`${audit.id} ${audit.name}: ${(result as AuditFail).reason}`);
  }
  return failed;
}
