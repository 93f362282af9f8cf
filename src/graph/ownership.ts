/** Types and hosts that a connector claims for itself under `owns:`. */
import type { Connector, ConnectorType } from '../load/model.ts';
import type { Problems } from '../problems.ts';
import { isKeyField } from './access.ts';

interface Claims {
  readonly byName: ReadonlyMap<string, readonly ConnectorType[]>;
  readonly connectors: readonly Connector[];
  readonly problems: Problems;
}

export function reportOwnership(claims: Claims): void {
  for (const owner of claims.connectors) {
    const { types, hosts } = owner.settings.owns;
    for (const [index, pattern] of types.entries()) reportTypes(owner, pattern, index, claims);
    for (const [index, host] of hosts.entries()) reportHosts(owner, host, index, claims);
  }
}

/** In brackets, for messages; nothing where nobody is said to be. */
export function ownerOf({ settings: { owner } }: Connector): string {
  return owner === undefined ? '' : ` (${owner})`;
}

function reportTypes(
  owner: Connector,
  pattern: string,
  index: number,
  { byName, connectors, problems }: Claims,
): void {
  const at = owner.yaml.placeOf(['owns', 'types', index]);
  const rivals = connectors.filter((other) => other !== owner && other.settings.owns.types.includes(pattern));
  // Each pair is told of once.
  for (const rival of rivals.filter(({ name }) => name > owner.name)) {
    problems.report({
      rule: 'type-ownership',
      at: rival.yaml.placeOf(['owns', 'types', rival.settings.owns.types.indexOf(pattern)]),
      message: `The types "${pattern}" are claimed by two connectors.`,
      related: [{ at, note: `claimed by the connector "${owner.name}"` }],
    });
  }
  if (rivals.length > 0) return;
  const others = [...byName]
    .filter(([name]) => matches(pattern, name))
    .flatMap(([, types]) => types)
    .filter((type) => type.connector !== owner && !type.extends && !isReference(type));
  for (const type of others) {
    problems.report({
      rule: 'type-ownership',
      at: type.place,
      message: `"${type.name}" belongs to the connector "${owner.name}"${ownerOf(owner)}.`,
      hint: `"extend type ${type.name}" to add fields to it, or another name`,
      related: [{ at, note: `claimed as "${pattern}"` }],
    });
  }
}

function reportHosts(owner: Connector, host: string, index: number, { connectors, problems }: Claims): void {
  const related = [
    {
      at: owner.yaml.placeOf(['owns', 'hosts', index]),
      note: `claimed by the connector "${owner.name}"`,
    },
  ];
  for (const other of connectors) {
    if (other === owner) continue;
    if (new URL(other.settings.endpoint).hostname === host) {
      problems.report({
        rule: 'host-ownership',
        at: other.yaml.placeOf(['endpoint']),
        message: `The host "${host}" belongs to the connector "${owner.name}".`,
        related,
      });
    }
    const claim = other.settings.owns.hosts.indexOf(host);
    if (claim !== -1 && other.name > owner.name) {
      problems.report({
        rule: 'host-ownership',
        at: other.yaml.placeOf(['owns', 'hosts', claim]),
        message: `The host "${host}" is claimed by two connectors.`,
        related,
      });
    }
  }
}

/** Whether it says of an entity of others only which one is meant. */
function isReference(type: ConnectorType): boolean {
  return type.keys.length > 0 && [...type.fields.keys()].every((field) => isKeyField(type, field));
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
