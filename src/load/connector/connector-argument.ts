/** An argument of a connector's field: what of `@is` and `@require` says where its value comes from. */
import {
  type ConstDirectiveNode,
  coerceInputLiteral,
  type GraphQLArgument,
  type GraphQLField,
} from 'graphql';
import { readWeight } from '../directives/cost.ts';
import { has } from '../directives/directive-reader.ts';
import type { ConnectorArgument, ConnectorType } from '../model.ts';
import { ROOTS } from '../root-types.ts';
import { placeOf } from '../sdl.ts';
import type { TypeBuilding } from './type-building.ts';

export function readArgument(
  owner: ConnectorType,
  field: GraphQLField<unknown, unknown>,
  argument: GraphQLArgument,
  { connector, reader }: TypeBuilding,
): ConnectorArgument {
  const directives = argument.astNode?.directives ?? [];
  const is = directives.find(({ name }) => name.value === 'is');
  const require = directives.find(({ name }) => name.value === 'require');
  const isValues = reader.values('is', argument.astNode);
  const coordinate = `${owner.name}.${field.name}`;
  if (is !== undefined) {
    const isOfLookup = has(field.astNode?.directives ?? [], 'lookup');
    checkIs(is, isValues, { coordinate, isOfLookup }, reader);
  }
  if (require !== undefined && ROOTS.has(owner.name)) {
    reader.report(require, {
      rule: 'require-place',
      message: `@require reads other fields of the same object; ${coordinate} is a root field and has none.`,
    });
  }
  const requireField = reader.values('require', argument.astNode)?.field;
  const { default: preset } = argument;
  return {
    name: argument.name,
    type: argument.type,
    hasDefault: preset !== undefined,
    defaultValue:
      preset?.literal === undefined ? preset?.value : coerceInputLiteral(preset.literal, argument.type),
    place: placeOf(argument.astNode?.loc, connector.file),
    inaccessible: has(directives, 'inaccessible'),
    weight: readWeight([argument.astNode], reader),
    claim: claimOf(isValues?.claim, preset !== undefined),
    is:
      is !== undefined && typeof isValues?.field === 'string'
        ? reader.valueMap(is, 'field', isValues.field)
        : undefined,
    require:
      require !== undefined && typeof requireField === 'string'
        ? reader.valueMap(require, 'field', requireField)
        : undefined,
  };
}

function checkIs(
  is: ConstDirectiveNode,
  values: Readonly<Record<string, unknown>> | undefined,
  { coordinate, isOfLookup }: { readonly coordinate: string; readonly isOfLookup: boolean },
  reader: TypeBuilding['reader'],
): void {
  if ((values?.field === undefined) === (values?.claim === undefined)) {
    reader.report(is, {
      rule: 'is-arguments',
      message: '@is needs exactly one of "field" and "claim".',
    });
  } else if (values?.claim === undefined && !isOfLookup) {
    reader.report(is, {
      rule: 'is-place',
      message: `@is(field:) says which key field an argument of a @lookup is; ${coordinate} is none.`,
      hint: 'add @lookup to the field, or remove @is',
    });
  }
}

/** `sub`, or `sub?` where callers may lack it; so may those of an argument with a default. */
function claimOf(written: unknown, hasDefault: boolean): ConnectorArgument['claim'] {
  if (typeof written !== 'string') return undefined;
  const isMarked = written.endsWith('?');
  return { name: isMarked ? written.slice(0, -1) : written, optional: isMarked || hasDefault };
}
