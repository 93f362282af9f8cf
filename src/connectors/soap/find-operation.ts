/** Which operation of which port a directive means. */
import { didYouMean } from '../../problems.ts';
import type { FieldToBind } from '../kind.ts';
import type { SoapSpec } from './load.ts';
import type { Operation, Port, SoapVersion } from './wsdl.ts';

/** The operation, at the first port in document order that has it: ports of one interface differ in protocol only. */
export function findOperation(
  field: FieldToBind,
  spec: SoapSpec,
  version: SoapVersion | undefined,
): { port: Port; operation: Operation } | undefined {
  const { operation: name, service, port: portName } = field.directive as Record<string, string | undefined>;
  const services = narrow(field, spec, 'service', service, spec.ports, (port) => port.service);
  if (services === undefined) return undefined;
  const ports = narrow(field, spec, 'port', portName, services, (port) => port.name);
  if (ports === undefined) return undefined;
  const having = ports.filter((port) => port.operations.has(name!));
  const ofVersion = having.filter((port) => port.version === version);
  const candidates = ofVersion.length > 0 ? ofVersion : having;
  const first = candidates[0];
  if (first === undefined) {
    const names = [...new Set(ports.flatMap(({ operations }) => [...operations.keys()]))];
    field.report(
      {
        rule: 'soap-unknown-operation',
        message: `${spec.file} has no operation of this name.`,
        found: name,
        expected: names.length > 12 ? `one of ${names.length} operations` : names.join(', '),
        hint: didYouMean(name!, names),
      },
      ['operation'],
    );
    return undefined;
  }
  const kinds = new Set(candidates.map((port) => `${port.service} ${port.portType}`));
  if (kinds.size > 1) {
    field.report(
      {
        rule: 'soap-ambiguous-operation',
        message: `${spec.file} has "${name}" in several places.`,
        found: candidates.map((port) => `service ${port.service}, port ${port.name}`).join('; '),
        hint: `add ${new Set(candidates.map((port) => port.service)).size > 1 ? 'service' : 'port'}: "…"`,
      },
      ['operation'],
    );
    return undefined;
  }
  return { port: first, operation: first.operations.get(name!)! };
}

function narrow(
  field: FieldToBind,
  spec: SoapSpec,
  what: 'service' | 'port',
  name: string | undefined,
  ports: readonly Port[],
  nameOf: (port: Port) => string,
): readonly Port[] | undefined {
  if (name === undefined || name === null) return ports;
  const found = ports.filter((port) => nameOf(port) === name);
  if (found.length > 0) return found;
  const names = [...new Set(ports.map(nameOf))];
  field.report(
    {
      rule: `soap-unknown-${what}`,
      message: `${spec.file} has no ${what} of this name that speaks SOAP.`,
      found: name,
      expected: names.join(', '),
      hint: didYouMean(name, names),
    },
    [what],
  );
  return undefined;
}
