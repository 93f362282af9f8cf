/** Where a field without a call finds its value: in its parent's record, by its own name or by `@from`. */
import {
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLOutputType,
  getNamedType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import { toKeyReader, toReader, type ValueMap } from '../../mapping/path.ts';
import { didYouMean } from '../../problems.ts';
import type { RecordSource } from '../model.ts';
import type { TypeBuilding } from './type-building.ts';

export function readRecordSource(
  field: GraphQLField<unknown, unknown>,
  coordinate: string,
  building: TypeBuilding,
): RecordSource {
  const from = field.astNode?.directives?.find(({ name }) => name.value === 'from');
  const byName: RecordSource = {
    via: 'record',
    read: toKeyReader(field.name),
    map: { kind: 'path', path: [{ kind: 'key', name: field.name }] },
  };
  if (from === undefined) return byName;
  const { reader } = building;
  const values = reader.values('from', field.astNode!);
  const given = ['path', 'map', 'value'].filter((name) => values?.[name] !== undefined);
  if (given.length !== 1 || given[0] === 'value') {
    reader.report(from, {
      rule: 'from-arguments',
      message: `@from on ${coordinate} needs exactly one of "path" and "map".`,
      found: given.join(' and ') || 'none',
    });
    return byName;
  }
  if (given[0] === 'map') return readMapped(from, String(values!.map), coordinate, building) ?? byName;
  const text = String(values!.path);
  const map = reader.valueMap(from, 'path', text);
  if (map === undefined || !checkNames(map, field.type, { from, text, building })) return byName;
  return { via: 'record', read: toReader(map), map };
}

/** By a function of mapping.ts. Undefined when there is none, which is reported unless mapping.ts itself was. */
function readMapped(
  from: ConstDirectiveNode,
  name: string,
  coordinate: string,
  { connector, functions, reader }: TypeBuilding,
): RecordSource | undefined {
  if (functions === undefined) return undefined;
  const mapping = functions.get(name);
  if (mapping === undefined) {
    const names = [...functions.keys()];
    reader.report(
      from,
      {
        rule: 'unknown-mapping',
        message: `mapping.ts has no export "${name}".`,
        expected: names.join(', ') || 'a mapping.ts beside schema.graphql',
        hint: didYouMean(name, names),
      },
      ['map'],
    );
    return undefined;
  }
  if (connector.kind.selective) {
    reader.report(from, {
      rule: 'mapping-on-selective',
      message: `${coordinate}: a ${connector.kind.kind} backend returns only what is selected, and what mapping.ts reads cannot be known.`,
      hint: 'use "path"',
    });
  }
  return { via: 'record', read: mapping, map: undefined };
}

interface Written {
  readonly from: ConstDirectiveNode;
  /** All of `path`. */
  readonly text: string;
  readonly building: TypeBuilding;
}

/** A value map makes an object: its names are fields of that object. */
function checkNames(map: ValueMap, type: GraphQLOutputType, written: Written): boolean {
  const named = getNamedType(type);
  if (map.kind === 'path' || !(isObjectType(named) || isInterfaceType(named))) return true;
  const fields = named.getFields();
  return map.entries
    .map(({ name, value }) => {
      const field = fields[name];
      if (field !== undefined) return checkNames(value, field.type, written);
      // Which of an interface's types it is.
      if (name === '__typename' && isInterfaceType(named)) return true;
      const { from, text, building } = written;
      building.reader.report(
        from,
        {
          rule: 'from-unknown-field',
          message: `${named.name} has no field "${name}" in this connector.`,
          expected: Object.keys(fields).join(', '),
          hint: didYouMean(name, Object.keys(fields)),
        },
        ['path'],
        Math.max(0, text.search(new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?![\\w$])`))),
      );
      return false;
    })
    .every(Boolean);
}
