/** What the fields of a selection take, fragments expanded, for each item of a list. */
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';
import { countOfField } from './value-count.ts';

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
    const byType = new Map<string, number>();
    for (const node of selectionSet.selections) {
      if (node.kind === Kind.FIELD) {
        fields += countOfField(node.alias?.value ?? node.name.value) + count(node.selectionSet);
        continue;
      }
      const fragment = node.kind === Kind.FRAGMENT_SPREAD ? fragments[node.name.value] : node;
      const type = fragment?.typeCondition?.name.value ?? '';
      byType.set(type, (byType.get(type) ?? 0) + count(fragment?.selectionSet));
    }
    // An object is of one type.
    fields += Math.max(0, ...byType.values());
    counted.set(selectionSet, fields);
    return fields;
  };
  return fieldNodes.reduce((sum, { selectionSet }) => sum + count(selectionSet), 0);
}
