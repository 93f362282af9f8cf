/** Whether the types of a view stand for types of the graph, and which values and members of them. */

import {
  type GraphQLNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isUnionType,
} from 'graphql';
import { ROOTS } from '../load/root-types.ts';
import { didYouMean } from '../problems.ts';
import { directiveOf, textOf, type ViewContext } from './context.ts';
import type { ViewType } from './view.ts';

/** Whether the type stands for one of the graph's, of the same kind. */
export function checkType(context: ViewContext, type: GraphQLNamedType): boolean {
  const graphName = context.graphNameOf(type.name);
  const from = directiveOf(type.astNode?.directives, 'from');
  const at = from === undefined ? context.placeOf(type.astNode?.name.loc) : context.placeIn(from, 'type');
  const target = context.graph.schema.getType(graphName);
  const known = context.graph.types.get(graphName);
  if (isScalarType(type)) {
    if (known?.inaccessible !== true && (target === undefined || isScalarType(target))) return true;
  }
  const isRoot = ROOTS.has(graphName);
  if (target === undefined || (known === undefined && !isRoot) || known?.inaccessible === true) {
    const names = [...context.graph.types.values()]
      .filter(({ inaccessible }) => !inaccessible)
      .map(({ name }) => name);
    context.report(at, {
      rule: 'unknown-type',
      message:
        known?.inaccessible === true
          ? `"${graphName}" is @inaccessible: no view may show it.`
          : `The graph has no type "${graphName}".`,
      hint:
        known?.inaccessible === true
          ? undefined
          : (didYouMean(graphName, names) ??
            (from === undefined ? 'name the graph\'s type with @from(type: "…")' : undefined)),
    });
    return false;
  }
  if (kindOf(type) !== kindOf(target)) {
    context.report(at, {
      rule: 'type-kind',
      message: `"${type.name}" is ${kindOf(type)} here, "${graphName}" is ${kindOf(target)} in the graph.`,
    });
    return false;
  }
  if (isObjectType(type) && isObjectType(target)) {
    for (const parent of type.getInterfaces()) {
      if (target.getInterfaces().some(({ name }) => name === context.graphNameOf(parent.name))) continue;
      context.report(at, {
        rule: 'view-interface',
        message: `"${graphName}" does not implement "${context.graphNameOf(parent.name)}" in the graph.`,
        expected: target.getInterfaces().map(String).join(', ') || 'no interface',
      });
    }
  }
  return true;
}

export function enumValues(
  context: ViewContext,
  graphName: string,
  type: GraphQLNamedType,
): ViewType['enumToView'] {
  const target = context.graph.schema.getType(graphName);
  if (!isEnumType(type) || !isEnumType(target)) return undefined;
  const names = target.getValues().map(({ name }) => name);
  const shown = names.filter((name) => !isInaccessible(context, graphName, name));
  const toView = new Map<string, string>();
  for (const value of type.getValues()) {
    const from = directiveOf(value.astNode?.directives, 'from');
    const name = (from === undefined ? undefined : textOf(from, 'value')) ?? value.name;
    const at =
      from !== undefined && textOf(from, 'value') !== undefined
        ? context.placeIn(from, 'value')
        : context.placeOf(value.astNode?.name.loc);
    if (!names.includes(name)) {
      context.report(at, {
        rule: 'unknown-enum-value',
        message: `The graph's enum "${graphName}" has no value "${name}".`,
        expected: shown.join(', '),
        hint: didYouMean(name, shown),
      });
    } else if (!shown.includes(name)) {
      context.report(at, {
        rule: 'unknown-enum-value',
        message: `${graphName}.${name} is @inaccessible: no view may show it.`,
        expected: shown.join(', '),
      });
    } else if (toView.has(name)) {
      context.report(at, {
        rule: 'duplicate-enum-value',
        message: `"${toView.get(name)}" and "${value.name}" are both the graph's "${name}".`,
      });
    }
    toView.set(name, value.name);
  }
  const same =
    toView.size === names.length && [...toView].every(([graphValue, viewValue]) => graphValue === viewValue);
  return same ? undefined : toView;
}

export function possibleTypes(context: ViewContext, type: GraphQLNamedType): ReadonlyMap<string, string> {
  const possible = new Map<string, string>();
  if (!isAbstractType(type)) return possible;
  const members = isUnionType(type)
    ? type.getTypes()
    : context.types.filter(
        (other) => isObjectType(other) && other.getInterfaces().some(({ name }) => name === type.name),
      );
  const target = context.graph.schema.getType(context.graphNameOf(type.name));
  const allowed = isAbstractType(target)
    ? context.graph.schema.getPossibleTypes(target).map(({ name }) => name)
    : [];
  for (const { name } of members) {
    const graphName = context.graphNameOf(name);
    const at = placeOfMember(context, type, name);
    if (!allowed.includes(graphName)) {
      // Reported with the object type that says so.
      if (!isUnionType(type)) continue;
      context.report(at, {
        rule: 'union-member',
        message: `"${graphName}" is not one of the types of "${target?.name}" in the graph.`,
        expected: allowed.join(', '),
      });
    } else if (possible.has(graphName)) {
      context.report(at, {
        rule: 'union-member',
        message: `"${name}" and "${possible.get(graphName)}" are both the graph's "${graphName}": a value could be either.`,
      });
    }
    possible.set(graphName, name);
  }
  return possible;
}

/** Where a union names its member; for interfaces, where the member is defined. */
function placeOfMember(context: ViewContext, type: GraphQLNamedType, member: string) {
  const node = isUnionType(type)
    ? [type.astNode, ...type.extensionASTNodes]
        .flatMap((part) => part?.types ?? [])
        .find(({ name }) => name.value === member)
    : context.types.find(({ name }) => name === member)?.astNode?.name;
  return context.placeOf(node?.loc ?? type.astNode?.name.loc);
}

/** Of enum values and input fields, which any connector can hide. */
function isInaccessible(context: ViewContext, typeName: string, member: string): boolean {
  return (context.graph.types.get(typeName)?.sources ?? []).some(({ type }) => {
    const node = isEnumType(type)
      ? type.getValue(member)?.astNode
      : isInputObjectType(type)
        ? type.getFields()[member]?.astNode
        : undefined;
    return directiveOf(node?.directives, 'inaccessible') !== undefined;
  });
}

export function checkInput(context: ViewContext, graphName: string, type: GraphQLNamedType): void {
  const target = context.graph.schema.getType(graphName);
  if (!isInputObjectType(type) || !isInputObjectType(target)) return;
  const targets = target.getFields();
  const given = new Set<string>();
  for (const field of Object.values(type.getFields())) {
    const name = context.inputs.graphField(field);
    given.add(name);
    const other = targets[name];
    const from = directiveOf(field.astNode?.directives, 'from');
    const at =
      from !== undefined && textOf(from, 'field') !== undefined
        ? context.placeIn(from, 'field')
        : context.placeOf(field.astNode?.name.loc);
    if (isInaccessible(context, graphName, name)) {
      context.report(at, {
        rule: 'unknown-input-field',
        message: `${graphName}.${name} is @inaccessible: no view may show it.`,
      });
      continue;
    }
    if (other === undefined) {
      context.report(at, {
        rule: 'unknown-input-field',
        message: `"${graphName}" has no field "${name}" in the graph.`,
        hint: didYouMean(name, Object.keys(targets)),
      });
      continue;
    }
    const mismatch = context.inputs.mismatch(
      field.type,
      other.type,
      field.default !== undefined || other.default !== undefined,
    );
    if (mismatch !== undefined)
      context.report(context.placeOf(field.astNode?.type.loc), {
        rule: 'input-field-type',
        message: `${type.name}.${field.name} does not fit the graph's ${graphName}.${name}.`,
        found: String(field.type),
        expected: mismatch,
      });
  }
  for (const other of Object.values(targets)) {
    if (given.has(other.name) || !isNonNullType(other.type) || other.default !== undefined) continue;
    context.report(context.placeOf(type.astNode?.name.loc), {
      rule: 'missing-input-field',
      message: `"${graphName}" needs "${other.name}: ${other.type}" in the graph, so "${type.name}" cannot leave it out.`,
    });
  }
}

function kindOf(type: GraphQLNamedType): string {
  if (isObjectType(type)) return 'an object type';
  if (isInterfaceType(type)) return 'an interface';
  if (isEnumType(type)) return 'an enum';
  if (isInputObjectType(type)) return 'an input type';
  return isScalarType(type) ? 'a scalar' : 'a union';
}
