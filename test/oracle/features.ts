/** What a case has in it: by its document and the view, by its plan, and by what came back. All of it has to be drawn. */
import {
  type DocumentNode,
  type FormattedExecutionResult,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isScalarType,
  isSpecifiedScalarType,
  parse,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { View } from '../../src/views/view.ts';
import { notePlan } from './plan-features.ts';
import type { Case, Subject } from './subject.ts';

export type Note = (feature: string) => void;

/** Of the case as it is asked. */
export function featuresOf({ generation, views }: Subject, one: Case): ReadonlySet<string> {
  const features = new Set<string>();
  const note: Note = (feature) => features.add(feature);
  const view = views.get(one.view)!;
  const document = parse(one.document);
  ofView(view, document, note);
  notePlan({ generation, view, document }, note);
  for (const name of Object.keys(one.variables))
    if (name in Object.prototype) note('variable with an inherited name');
  return features;
}

function ofView(view: View, document: DocumentNode, note: Note): void {
  const types = new TypeInfo(view.schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      Field() {
        const parent = types.getParentType();
        const field = types.getFieldDef();
        if (!parent || !field) return;
        const viewType = view.types.get(parent.name);
        const viewField = viewType?.fields.get(field.name);
        if (viewType !== undefined && viewType.graphName !== parent.name) note('renamed type');
        const named = getNamedType(field.type);
        if (isScalarType(named) && !isSpecifiedScalarType(named)) note('custom scalar');
        if (isEnumType(named))
          note(view.types.get(named.name)?.enumToView === undefined ? 'enum' : 'renamed enum');
        if (viewField === undefined) return;
        if (viewField.steps.length > 1) note('flattened field');
        else if (viewField.steps[0] !== field.name) note('renamed field');
        if (viewField.usesClaims) note('argument locked to a claim');
        else if (
          field.args.length === 0 &&
          Object.keys(viewField.toGraphArguments({ args: {}, claims: {} })).length > 0
        )
          note('locked argument');
      },
      Argument() {
        ofInput(types.getInputType() ?? undefined, note);
      },
      ObjectField() {
        ofInput(types.getInputType() ?? undefined, note);
      },
      InlineFragment({ typeCondition }) {
        if (typeCondition === undefined) note('fragment without a condition');
        else if (isInterfaceType(view.schema.getType(typeCondition.name.value)))
          note('fragment on an interface');
      },
      FragmentDefinition({ typeCondition }) {
        if (isInterfaceType(view.schema.getType(typeCondition.name.value))) note('fragment on an interface');
      },
    }),
  );
}

function ofInput(type: GraphQLInputType | undefined, note: Note): void {
  const named = getNamedType(type);
  if (named === undefined) return;
  if (isInputObjectType(named)) {
    note(named.isOneOf ? 'oneOf input' : 'input object');
    if (Object.values(named.getFields()).some((field) => field.default !== undefined))
      note('input object with defaults');
  }
  if (isEnumType(named)) note('enum argument');
  if (isScalarType(named) && !isSpecifiedScalarType(named)) note('custom scalar as an argument');
}

const LONG_LIST = 100;

/** Of what came back. */
export function featuresOfAnswers(answers: readonly FormattedExecutionResult[]): ReadonlySet<string> {
  const features = new Set<string>();
  const note: Note = (feature) => features.add(feature);
  if (answers.length > 1) note('several events');
  for (const { data, errors = [], extensions } of answers) {
    if (data !== undefined) ofData(data, note);
    if (extensions?.fallbacks !== undefined) note('@fallback used');
    for (const { path, extensions: facts } of errors) {
      note(`error ${String(facts?.code)}`);
      if (path?.some((key) => typeof key === 'number')) note('error inside a list');
      if (path !== undefined && isAbove(data, path)) note('null above a failed field');
    }
  }
  return features;
}

function ofData(value: unknown, note: Note): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    if (value.length === 0) note('empty list');
    if (value.length >= LONG_LIST) note(`list of ${LONG_LIST}`);
    const objects = value.filter((item) => typeof item === 'object' && item !== null && !Array.isArray(item));
    if (new Set(objects.map((item) => JSON.stringify(item))).size < objects.length)
      note('equal objects in a list');
    if (value.includes(null) && objects.length > 0) note('null among objects');
  }
  for (const inner of Object.values(value)) ofData(inner, note);
}

function isAbove(data: unknown, path: readonly (string | number)[]): boolean {
  let value = data;
  for (const key of path.slice(0, -1)) {
    if (typeof value !== 'object' || value === null) return true;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value === null || value === undefined;
}
