/** What the selectors of plans mean, said by who has the clients' schemas. */
import type { PlanSettings } from '../load/settings/plan-settings.ts';

/** Per client, what fields are, whatever its schema and their tags call them. */
export type ExcludedFields = Readonly<Record<string, readonly string[]>>;

export interface PlanMeanings {
  /** What `fields.exclude` takes away now. */
  excludedBy(settings: PlanSettings): ExcludedFields;
  /** Selectors of fields that mean nothing in the schemas of the plan's clients. */
  meaningless(settings: PlanSettings): readonly string[];
}

/** Both; undefined where the first has it all. */
export function grown(known: ExcludedFields, more: ExcludedFields): ExcludedFields | undefined {
  const added = Object.entries(more).filter(([client, fields]) =>
    fields.some((field) => known[client]?.includes(field) !== true),
  );
  if (added.length === 0) return undefined;
  return {
    ...known,
    ...Object.fromEntries(
      added.map(([client, fields]) => [client, [...new Set([...(known[client] ?? []), ...fields])].sort()]),
    ),
  };
}
