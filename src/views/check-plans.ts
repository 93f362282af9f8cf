/** Whether what plans grant is there: selectors that mean something in a client's schema, and something left to ask for. */
import type { LoadedPlans } from '../load/plans.ts';
import { didYouMean, type Problem, type Problems } from '../problems.ts';
import { type Denied, deniedFields, grantedFields } from './denied-fields.ts';
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
    const schemas = granted.map((view) => ({ view, denied: deniedFields(view, plan.fields) }));
    const before = problems.count;
    for (const list of ['include', 'exclude'] as const)
      for (const [index, text] of (plan.fields[list] ?? []).entries()) {
        const isAlone = list === 'include' && plan.fields.exclude.length === 0;
        const problem = judge(text, schemas) ?? (isAlone ? judgeIncluded(text, schemas) : undefined);
        if (problem === undefined) continue;
        problems.report({ at: yaml.placeOf(['plans', name, 'fields', list, index]), ...problem });
      }
    if (problems.count > before) continue;
    for (const { view, denied } of schemas) {
      if (!denied.types.has('Query')) continue;
      problems.report({
        rule: 'plan-empty',
        at: yaml.placeOf(['plans', name, 'fields']),
        message: `The plan "${name}" grants the client "${view.client.name}", but no field of its Query.`,
        hint: 'include some with what they give, such as "Query.*" and "Station.*", or remove the client',
      });
    }
  }
}

/** A client's schema, and what a plan leaves of it. */
interface Granted {
  readonly view: View;
  readonly denied: Denied;
}

function judge(text: string, schemas: readonly Granted[]): Omit<Problem, 'at'> | undefined {
  const views = schemas.map(({ view }) => view);
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
  return undefined;
}

/** A field that is included by its name is granted with something of what it gives, or not at all. */
function judgeIncluded(text: string, schemas: readonly Granted[]): Omit<Problem, 'at'> | undefined {
  const selector = parseSelector(text);
  if (selector?.by !== 'field') return undefined;
  const { typeName, fieldName } = selector;
  const isGranted = schemas.some(({ view, denied }) => {
    const type = view.schema.getType(typeName);
    return type !== undefined && grantedFields(view, denied, type).includes(fieldName);
  });
  if (isGranted) return undefined;
  const views = schemas.map(({ view }) => view);
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
