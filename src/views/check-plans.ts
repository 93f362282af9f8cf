/** Whether what plans grant is there: selectors that mean something in a client's schema, and something left to ask for. */
import type { PlanSettings } from '../load/plan-settings.ts';
import type { LoadedPlans } from '../load/plans.ts';
import { didYouMean, type Problem, type Problems } from '../problems.ts';
import { deniedFields, grantedFields, isGone } from './denied-fields.ts';
import { hasFields, meansAnything, parseSelector, type Selector } from './selectors.ts';
import type { View } from './view.ts';

/** @param views those that could be built; a plan with a client that could not is not judged */
export function checkGrants(
  { yaml, plans }: LoadedPlans,
  views: readonly (View | undefined)[],
  problems: Problems,
): void {
  for (const [name, plan] of plans) {
    const granted = plan.clients.flatMap(
      (client) => views.find((view) => view?.client.name === client) ?? [],
    );
    if (granted.length < plan.clients.length) continue;
    const before = problems.count;
    for (const list of ['include', 'exclude'] as const)
      for (const [index, text] of (plan.fields[list] ?? []).entries()) {
        const problem = judge(text, granted, list === 'include' ? plan : undefined);
        if (problem === undefined) continue;
        problems.report({ at: yaml.placeOf(['plans', name, 'fields', list, index]), ...problem });
      }
    if (problems.count > before) continue;
    for (const view of granted) {
      const query = view.schema.getQueryType()!;
      if (!isGone(view, deniedFields(view, plan.fields), query)) continue;
      problems.report({
        rule: 'plan-empty',
        at: yaml.placeOf(['plans', name, 'fields']),
        message: `The plan "${name}" grants the client "${view.client.name}", but no field of its Query.`,
        hint: 'include some with what they give, such as "Query.*" and "Station.*", or remove the client',
      });
    }
  }
}

/** @param including the plan, where the selector is to include something */
function judge(
  text: string,
  views: readonly View[],
  including: PlanSettings | undefined,
): Omit<Problem, 'at'> | undefined {
  const selector = parseSelector(text);
  if (selector === undefined) {
    return {
      rule: 'plan-selector',
      message: 'This means no field.',
      found: JSON.stringify(text.slice(0, 80)),
      expected: '"Type.field", "Type.*" or "tag:name"',
      hint: /^[A-Za-z_]\w*$/.test(text) ? `"${text}.*" means all fields of a type` : undefined,
    };
  }
  const clients = views.map(({ client }) => client.name).join(', ');
  if (!views.some((view) => meansAnything(selector, view))) {
    return {
      rule: 'plan-selector',
      message:
        selector.by === 'tag'
          ? `No field is tagged "${selector.tag}" in the schemas of ${clients}.`
          : `There is no ${selector.by === 'type' ? `type ${selector.typeName} with fields` : text} in the schemas of ${clients}.`,
      found: text,
      hint: didYouMean(text, candidates(selector, views)),
    };
  }
  if (including === undefined || selector.by !== 'field') return undefined;
  const { typeName, fieldName } = selector;
  const isGranted = views.some((view) => {
    const type = view.schema.getType(typeName);
    return (
      type !== undefined &&
      grantedFields(view, deniedFields(view, including.fields), type).includes(fieldName)
    );
  });
  if (isGranted || including.fields.exclude.length > 0) return undefined;
  return {
    rule: 'plan-selector',
    message: `${text} is included, but nothing of what it gives, so nobody could ask for it.`,
    found: text,
    hint: `include its type, too: "${typeGiven(selector, views)}.*", or fields of it`,
  };
}

function typeGiven(
  { typeName, fieldName }: Extract<Selector, { readonly by: 'field' }>,
  views: readonly View[],
): string {
  const types = views.map(({ schema }) => schema.getType(typeName)).filter(hasFields);
  const given = types.flatMap((type) => type.getFields()[fieldName]?.type ?? []);
  return String(given[0]).replaceAll(/[[\]!]/g, '');
}

function candidates(selector: Selector, views: readonly View[]): ReadonlySet<string> {
  if (selector.by === 'tag')
    return new Set(
      views.flatMap(({ tags }) => [...tags.values()].flatMap((own) => [...own].map((tag) => `tag:${tag}`))),
    );
  const types = views
    .flatMap(({ schema }) => Object.values(schema.getTypeMap()))
    .filter(hasFields)
    .filter(({ name }) => !name.startsWith('__'));
  return new Set(
    types.flatMap((type) =>
      selector.by === 'type'
        ? [`${type.name}.*`]
        : Object.keys(type.getFields()).map((name) => `${type.name}.${name}`),
    ),
  );
}
