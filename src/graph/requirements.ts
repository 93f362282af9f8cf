/** `@require(field:)` reads fields of the composed object: all of them must exist, whichever connector has them. */

import { getNamedType, isInterfaceType, isObjectType } from 'graphql';
import type { ConnectorArgument, ConnectorField, ConnectorType } from '../load/model.ts';
import { ROOTS } from '../load/root-types.ts';
import { placeInArgument } from '../load/sdl.ts';
import { type Path, pathsOf } from '../mapping/path.ts';
import { didYouMean, type Problems } from '../problems.ts';

/** Their fields have no object to read of; that was reported when loading. */
type ByName = ReadonlyMap<string, readonly ConnectorType[]>;

/** @returns the fields whose requirements cannot be met by anything */
export function reportRequirements(byName: ByName, problems: Problems): ReadonlySet<ConnectorField> {
  const hopeless = new Set<ConnectorField>();
  for (const types of byName.values()) {
    for (const type of types) {
      for (const field of type.fields.values()) {
        for (const argument of field.args) {
          if (argument.require === undefined || ROOTS.has(type.name)) continue;
          for (const path of pathsOf(argument.require))
            if (!exists(byName, type.name, path, (name, owner) => report(field, argument, { name, owner })))
              hopeless.add(field);
        }
      }
    }
  }
  return hopeless;

  function report(
    field: ConnectorField,
    argument: ConnectorArgument,
    { name, owner }: { readonly name: string; readonly owner: string },
  ): void {
    const names = [...new Set(fieldsOf(byName, owner).map((other) => other.name))];
    problems.report({
      rule: 'unknown-required-field',
      at: placeOfName(field, argument, name),
      message: `"${owner}" has no field "${name}" in the graph, which "${argument.name}" of ${field.coordinate} requires.`,
      expected: names.length === 0 ? undefined : names.join(', '),
      hint: didYouMean(name, names),
    });
  }
}

function exists(
  byName: ByName,
  typeName: string,
  path: Path,
  report: (name: string, owner: string) => void,
): boolean {
  let owner = typeName;
  for (const step of path) {
    if (step.kind !== 'key') continue;
    const fields = fieldsOf(byName, owner);
    // What is inside of a scalar such as JSON is nobody's schema.
    if (fields.length === 0) return true;
    const field = fields.find(({ name }) => name === step.name);
    if (field === undefined) {
      report(step.name, owner);
      return false;
    }
    owner = getNamedType(field.type).name;
  }
  return true;
}

function fieldsOf(byName: ByName, typeName: string): readonly ConnectorField[] {
  return (byName.get(typeName) ?? [])
    .flatMap(({ fields }) => [...fields.values()])
    .filter(({ internal }) => !internal);
}

function placeOfName(field: ConnectorField, argument: ConnectorArgument, name: string) {
  const { type, connector } = field.owner;
  if (!isObjectType(type) && !isInterfaceType(type)) return argument.place;
  const node = type
    .getFields()
    [field.name]?.args.find((other) => other.name === argument.name)
    ?.astNode?.directives?.find((directive) => directive.name.value === 'require');
  if (node === undefined) return argument.place;
  const value = node.arguments?.[0]?.value;
  const text = value !== undefined && 'value' in value ? String(value.value) : '';
  return placeInArgument(node, ['field'], Math.max(0, text.indexOf(name)), connector.file);
}
