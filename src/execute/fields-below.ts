/** How many fields a selection has, fragments expanded: what each item of a list takes to answer. */
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

/** Of a document, which is kept for many requests. */
const counted = new WeakMap<SelectionSetNode, number>();

export function fieldsBelow({
  fieldNodes,
  fragments,
}: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>): number {
  const count = (selectionSet: SelectionSetNode | undefined): number => {
    if (selectionSet === undefined) return 0;
    const known = counted.get(selectionSet);
    if (known !== undefined) return known;
    let fields = 0;
    for (const node of selectionSet.selections) {
      if (node.kind === Kind.FRAGMENT_SPREAD) fields += count(fragments[node.name.value]?.selectionSet);
      else fields += count(node.selectionSet) + (node.kind === Kind.FIELD ? 1 : 0);
    }
    counted.set(selectionSet, fields);
    return fields;
  };
  return fieldNodes.reduce((sum, { selectionSet }) => sum + count(selectionSet), 0);
}
