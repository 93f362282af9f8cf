/** What an answer cost: the lists as long as they came, and nothing for what is null. */
import type { CountedField, CountedObject, Given } from './counted.ts';

interface Counting {
  readonly given: Given;
  /** What each object costs at most, by its index. */
  readonly dearest: Float64Array;
}

export function costOfAnswer(data: unknown, root: CountedObject, counting: Counting): number {
  return ofObject(data, root, counting);
}

function ofObject(value: unknown, { weight, fields }: CountedObject, counting: Counting): number {
  if (typeof value !== 'object' || value === null) return 0;
  let sum = weight;
  for (const field of fields) {
    if (isFree(field)) continue;
    const { responseKey } = field;
    const inner = Object.hasOwn(value, responseKey) ? (value as Answered)[responseKey] : undefined;
    // Not asked of this type.
    if (inner === undefined) continue;
    sum += field.weight + (field.argumentWeight?.(counting.given) ?? 0) + ofValue(inner, field, counting);
  }
  return sum;
}

type Answered = Readonly<Record<string, unknown>>;

function isFree({ weight, argumentWeight, each, objects }: CountedField): boolean {
  return weight === 0 && argumentWeight === undefined && each === 0 && objects.length === 0;
}

function ofValue(value: unknown, field: CountedField, counting: Counting): number {
  if (value === null) return 0;
  if (Array.isArray(value)) {
    let sum = 0;
    for (const item of value) sum += ofValue(item, field, counting);
    return sum;
  }
  if (field.objects.length === 0) return field.each;
  return ofObject(value, objectOf(value, field.objects, counting), counting);
}

/** Answers do not say of which type an object is: it is taken for the dearest of those whose fields are all there. */
function objectOf(value: unknown, objects: readonly CountedObject[], { dearest }: Counting): CountedObject {
  let best = objects[0]!;
  if (objects.length === 1) return best;
  let fits = false;
  for (const object of objects) {
    const all = object.fields.every(({ responseKey }) => Object.hasOwn(value as object, responseKey));
    if (all < fits || (all === fits && dearest[object.index]! <= dearest[best.index]!)) continue;
    best = object;
    fits = all;
  }
  return best;
}
