import type { ConnectorField } from '../load/model.ts';
import { pathsOf } from '../mapping/path.ts';

/** What a connector reads for a field, by names of fields: of its object, as templates name it, and along the paths of what it requires. */
export function readPathsOf({ source, args }: ConnectorField): ReadonlyArray<readonly string[]> {
  const own = source.via === 'call' ? source.parentFields.map((name) => [name]) : [];
  const required = args.flatMap(({ require }) => (require === undefined ? [] : pathsOf(require)));
  return [
    ...own,
    ...required.map((path) => path.flatMap((step) => (step.kind === 'key' ? [step.name] : []))),
  ];
}
