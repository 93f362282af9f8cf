/** Where a field's value comes from: a call of its own, or its parent's record. */
import { type GraphQLField, isInterfaceType } from 'graphql';
import type { CallSource, ConnectorType, RecordSource } from '../model.ts';
import { ROOTS } from '../root-types.ts';
import { placeOf } from '../sdl.ts';
import { readCallSource } from './call-source.ts';
import { readRecordSource } from './record-source.ts';
import type { TypeBuilding } from './type-building.ts';

export function readFieldSource(
  owner: ConnectorType,
  field: GraphQLField<unknown, unknown>,
  coordinate: string,
  building: TypeBuilding,
): RecordSource | CallSource {
  const { connector, reader } = building;
  const { kind, file } = connector;
  const directives = field.astNode?.directives ?? [];
  const node = directives.find(({ name }) => name.value === kind.kind);
  if (node !== undefined) {
    const from = directives.find(({ name }) => name.value === 'from');
    if (from !== undefined) {
      reader.report(from, {
        rule: 'from-with-binding',
        message: `${coordinate} has both a binding and @from: a call has no parent's record.`,
        hint: 'use the "select" of the binding',
      });
    }
    return readCallSource(owner, field, { coordinate, node }, building);
  }
  if (ROOTS.has(owner.name)) {
    reader.reportAt(placeOf(field.astNode?.name.loc, file), {
      rule: 'missing-binding',
      message: `${coordinate} is a root field and has no binding.`,
      expected: `@${kind.kind}(…) beside it`,
    });
  } else if (field.args.length > 0 && !kind.selective && !isInterfaceType(owner.type)) {
    reader.reportAt(placeOf(field.args[0]!.astNode?.loc, file), {
      rule: 'arguments-without-binding',
      message: `${coordinate} is read from its parent's record, so nothing could use its arguments.`,
      hint: `give it a binding, @${kind.kind}(…), or remove the arguments`,
    });
  }
  return readRecordSource(field, coordinate, building);
}
