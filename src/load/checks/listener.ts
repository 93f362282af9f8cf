/** Checks the certificates of hem.yml. */
import type { Problems } from '../../problems.ts';
import type { HemSettings } from '../settings/settings.ts';
import type { YamlFile } from '../yaml.ts';
import { checkClientAuthorities, checkKeyPair, type ReportTls } from './tls.ts';

export function checkListener(yaml: YamlFile, { listen: { tls } }: HemSettings, problems: Problems): void {
  if (tls === undefined) return;
  const report: ReportTls = (key, problem) =>
    yaml.reportAt(['listen', 'tls', key], { rule: 'listen-tls', ...problem }, problems);
  checkKeyPair(tls, report);
  if (tls.clientCa !== undefined) checkClientAuthorities(tls.clientCa, report);
  if (tls.requestClientCertificate === true && tls.clientCa === undefined) {
    report('requestClientCertificate', {
      message: 'Callers would be asked for certificates, and none could be believed.',
      expected: '"clientCa": the certificates of those who sign them',
    });
  }
}
