/** What an operation asks for that a plan does not grant. */
import type { FieldNode } from 'graphql';
import { type Denied, isOfGoneType } from '../../views/denied-fields.ts';
import type { UsedField } from './requirements.ts';

export interface Ungranted {
  /** What the caller asked for by itself: reason enough to refuse the operation. */
  readonly refused: readonly UsedField[];
  /** Coordinates of what is left out all the same: the caller asked for it by the name of an interface, and cannot know of the type. */
  readonly unknown: ReadonlySet<string>;
  /**
   * Whether there is anything to leave out. That is also so where an operation asks for a field of an interface, and one of the types
   * that may be there is gone: the caller cannot know of it, so an object of it is answered with null and an error if there is one.
   */
  readonly any: boolean;
}

export const ALL_GRANTED: Ungranted = { refused: [], unknown: new Set(), any: false };

export function ungrantedOf(fields: readonly UsedField[], denied: Denied): Ungranted {
  const ungranted = fields.filter(({ coordinate }) => denied.fields.has(coordinate));
  if (ungranted.length === 0) return ALL_GRANTED;
  const granted = new Set<FieldNode>(
    fields.flatMap(({ coordinate, nodes }) => (denied.fields.has(coordinate) ? [] : nodes)),
  );
  const isUnknown = ({ coordinate, nodes }: UsedField) =>
    isOfGoneType(denied, coordinate) && nodes.every((node) => granted.has(node));
  const unknown = ungranted.filter(isUnknown).map(({ coordinate }) => coordinate);
  return {
    refused: ungranted.filter((field) => !isUnknown(field)),
    unknown: new Set(unknown),
    any: true,
  };
}
