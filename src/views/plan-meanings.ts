/** What selectors of plans mean in the schemas of clients: recorded with each version of a plan, so that a new name grants nothing. */
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import { meaningOf } from './denied-fields.ts';
import { meansAnything, parseSelector } from './selectors.ts';
import type { View } from './view.ts';

export class ViewMeanings {
  readonly #views: readonly View[];

  constructor(views: readonly View[]) {
    this.#views = views;
  }

  /** By client, identities of fields. What another field that is granted is, too, is nothing that the plan keeps from anybody. */
  excludedBy(settings: PlanSettings): Readonly<Record<string, readonly string[]>> {
    const excluded = this.#grantedBy(settings).map((view) => {
      const meaning = meaningOf(view, settings.fields);
      return [view.client.name, [...meaning.excluded.difference(meaning.granted)].sort()] as const;
    });
    return Object.fromEntries(excluded.filter(([, fields]) => fields.length > 0));
  }

  meaningless(settings: PlanSettings): readonly string[] {
    const views = this.#grantedBy(settings);
    if (views.length === 0) return [];
    const { include = [], exclude } = settings.fields;
    return [...include, ...exclude].filter((text) => {
      const selector = parseSelector(text);
      return selector === undefined || !views.some((view) => meansAnything(selector, view));
    });
  }

  #grantedBy({ clients }: PlanSettings): readonly View[] {
    return this.#views.filter(({ client }) => clients.includes(client.name));
  }
}
