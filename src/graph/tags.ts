/** What plans call the fields of the graph: the tags of all connectors, of types and of their interfaces, together. */
import { isAbstractType, isInterfaceType, isObjectType } from 'graphql';
import type { Graph } from './graph.ts';

/** Of a field read from an object: its own, and those of the object's type. */
export function tagsOfReading(
  { schema, types }: Pick<Graph, 'schema' | 'types'>,
  typeName: string,
  fieldName: string,
): readonly string[] {
  const type = schema.getType(typeName);
  // Whichever type an object behind an interface has.
  const concrete = isAbstractType(type) ? schema.getPossibleTypes(type) : [];
  const owners = [type, ...concrete].flatMap((each) =>
    isObjectType(each) || isInterfaceType(each) ? [each, ...each.getInterfaces()] : [],
  );
  return owners.flatMap(({ name }) => [
    ...(types.get(name)?.sources ?? []).flatMap(({ tags }) => tags),
    ...(types.get(name)?.fields.get(fieldName)?.sources ?? []).flatMap(({ tags }) => tags),
  ]);
}
