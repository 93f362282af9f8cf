/**
 * Requirements that lead back to the field that has them, over other objects: there would be no end to what is asked. Circles within one
 * object leave their fields out of reach, which is reported where they are asked for.
 */
import { getNamedType } from 'graphql';
import type { ConnectorField, ConnectorType } from '../load/model.ts';
import type { Problems } from '../problems.ts';
import { withPossibleTypes } from './possible-types.ts';
import { readPathsOf } from './read-paths.ts';

type ByName = ReadonlyMap<string, readonly ConnectorType[]>;

/** What a field reads of its object, or of objects below it. */
interface Need {
  readonly coordinate: string;
  readonly of: 'same' | 'other';
}

/** @returns the fields that stand in circles */
export function reportRequirementCircles(byName: ByName, problems: Problems): ReadonlySet<ConnectorField> {
  const needs = new Map<string, Need[]>();
  const fields = [...byName.values()].flat().flatMap((type) => [...type.fields.values()]);
  for (const field of fields) {
    const known = needs.get(field.coordinate) ?? [];
    needs.set(field.coordinate, [...known, ...needsOf(byName, field)]);
  }
  const reported = new Set<string>();
  for (const { coordinate, place } of fields) {
    if (reported.has(coordinate)) continue;
    const circle = circleFrom(needs, coordinate);
    if (circle === undefined) continue;
    for (const each of circle) reported.add(each);
    problems.report({
      rule: 'requirement-circle',
      at: place,
      message:
        circle.length === 1
          ? `${coordinate} requires itself, of another object: there would be no end to what is asked.`
          : `What ${coordinate} requires leads back to it: there would be no end to what is asked.`,
      found: [...circle, coordinate].join(' → '),
      hint: 'let one of them do without, or give it a backend that finds out by itself',
    });
  }
  return new Set(fields.filter(({ coordinate }) => reported.has(coordinate)));
}

function needsOf(byName: ByName, field: ConnectorField): readonly Need[] {
  return readPathsOf(field).flatMap((names) => {
    let types = [field.owner.name];
    return names.flatMap((name, index) => {
      const found = types.flatMap((type) => fieldsNamed(byName, type, name));
      types = [...new Set(found.flatMap(({ type }) => concrete(byName, getNamedType(type).name)))];
      const of = index === 0 ? ('same' as const) : ('other' as const);
      return found.map(({ coordinate }) => ({ coordinate, of }));
    });
  });
}

function fieldsNamed(byName: ByName, typeName: string, name: string): readonly ConnectorField[] {
  return (byName.get(typeName) ?? []).flatMap(({ fields }) => fields.get(name) ?? []);
}

/** A type and those that may stand in its place. */
function concrete(byName: ByName, name: string): readonly string[] {
  return (byName.get(name) ?? []).flatMap(({ connector }) => withPossibleTypes(connector.schema, name));
}

/** A step of a way. */
interface Reached {
  readonly coordinate: string;
  /** Whether the way has led to another object. */
  readonly hasLeft: boolean;
  readonly from: Reached | undefined;
}

function wayTo({ coordinate, from }: Reached): readonly string[] {
  return [...(from === undefined ? [] : wayTo(from)), coordinate];
}

/** The shortest way back that leaves the object at least once; undefined where there is none. */
function circleFrom(
  needs: ReadonlyMap<string, readonly Need[]>,
  start: string,
): readonly string[] | undefined {
  const seen = new Set<string>();
  let reached: readonly Reached[] = [{ coordinate: start, hasLeft: false, from: undefined }];
  while (reached.length > 0) {
    const next: Reached[] = [];
    for (const from of reached) {
      for (const { coordinate, of } of needs.get(from.coordinate) ?? []) {
        const hasLeft = from.hasLeft || of === 'other';
        if (coordinate === start && hasLeft) return wayTo(from);
        const id = `${coordinate} ${hasLeft}`;
        if (!seen.has(id)) next.push({ coordinate, hasLeft, from });
        seen.add(id);
      }
    }
    reached = next;
  }
  return undefined;
}
