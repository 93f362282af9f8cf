/** The arithmetic of content models: how often each element may occur when particles are combined. */
import type { ElementDeclaration, Field } from './shape.ts';
import type { XmlName } from './xml.ts';
import type { XmlNode } from './xml-tree.ts';

/** How often an element may occur in its parent. */
export interface Occurrence {
  readonly declaration: ElementDeclaration;
  readonly min: number;
  readonly max: number;
}

export function keyOf({ namespace, local }: XmlName): string {
  return `${namespace} ${local}`;
}

export function occurs(node: XmlNode): { min: number; max: number } {
  const min = Number.parseInt(node.attribute('minOccurs') ?? '1', 10);
  const maxText = node.attribute('maxOccurs') ?? '1';
  const max = maxText === 'unbounded' ? Number.POSITIVE_INFINITY : Number.parseInt(maxText, 10);
  return { min: Number.isNaN(min) ? 1 : min, max: Number.isNaN(max) ? 1 : max };
}

export function times(occurrences: readonly Occurrence[], min: number, max: number): readonly Occurrence[] {
  if (min === 1 && max === 1) return occurrences;
  return occurrences.map((one) => ({ ...one, min: one.min * min, max: one.max * max }));
}

/** One after the other: an element that stands in several parts occurs as often as all of them allow together. */
export function inSequence(parts: ReadonlyArray<readonly Occurrence[]>): readonly Occurrence[] {
  return merge(parts, (a, b) => ({ min: a.min + b.min, max: a.max + b.max }));
}

/** One of several: nothing is required unless every branch requires it. */
export function inChoice(parts: ReadonlyArray<readonly Occurrence[]>): readonly Occurrence[] {
  const merged = merge(parts, (a, b) => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }));
  const inAll = (name: string) =>
    parts.every((part) => part.some(({ declaration }) => keyOf(declaration) === name));
  return merged.map((one) => (inAll(keyOf(one.declaration)) ? one : { ...one, min: 0 }));
}

function merge(
  parts: ReadonlyArray<readonly Occurrence[]>,
  combine: (a: Occurrence, b: Occurrence) => { min: number; max: number },
): readonly Occurrence[] {
  const byName = new Map<string, Occurrence>();
  for (const part of parts) {
    for (const one of part) {
      const name = keyOf(one.declaration);
      const before = byName.get(name);
      byName.set(name, before === undefined ? one : { ...before, ...combine(before, one) });
    }
  }
  return [...byName.values()];
}

export function toFields(occurrences: readonly Occurrence[]): readonly Field[] {
  const taken = new Set<string>();
  return occurrences.map(({ declaration, min, max }) => {
    const { local, namespace } = declaration;
    const key = taken.has(local) ? `{${namespace}}${local}` : local;
    taken.add(key);
    return { ...declaration, key, list: max > 1, required: min > 0 };
  });
}
