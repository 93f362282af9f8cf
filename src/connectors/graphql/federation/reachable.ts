/** Which types of a subgraph anything can come from or go into. The rest is federation's machinery, or was only external. */
import { namedTypeOf } from '../backend-schema.ts';
import { ROOT_NAMES, type SubgraphType } from './subgraph-types.ts';

export function reachableTypes(types: ReadonlyMap<string, SubgraphType>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open: string[] = Object.values(ROOT_NAMES);
  const implementing = Map.groupBy(
    [...types.values()].flatMap(({ name, interfaces, node }) =>
      node.kind === 'ObjectTypeDefinition' ? interfaces.map((one) => ({ name, one: one.name.value })) : [],
    ),
    ({ one }) => one,
  );
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const type = types.get(name);
    if (type === undefined || reached.has(name)) continue;
    reached.add(name);
    for (const field of type.fields) {
      open.push(
        namedTypeOf(field.type),
        ...(field.arguments ?? []).map((argument) => namedTypeOf(argument.type)),
      );
    }
    open.push(
      ...type.inputFields.map((field) => namedTypeOf(field.type)),
      ...type.members.map((member) => member.name.value),
      ...type.interfaces.map((one) => one.name.value),
      ...(implementing.get(name) ?? []).map((one) => one.name),
    );
  }
  return reached;
}
