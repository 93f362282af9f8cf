/** A field that is a call of its own: its binding, as the connector's kind reads it. */
import { type ConstDirectiveNode, type GraphQLField, isInterfaceType, isObjectType } from 'graphql';
import { parsePath, type Reader, toPathReader } from '../../mapping/path.ts';
import type { DirectiveReader } from '../directives/directive-reader.ts';
import { has } from '../directives/directive-reader.ts';
import { keyNames } from '../directives/keys.ts';
import type { CallSource, ConnectorType } from '../model.ts';
import { ROOTS } from '../root-types.ts';
import { BindableField } from './field-to-bind.ts';
import type { TypeBuilding } from './type-building.ts';

/** @param node the binding */
export function readCallSource(
  owner: ConnectorType,
  field: GraphQLField<unknown, unknown>,
  { coordinate, node }: { readonly coordinate: string; readonly node: ConstDirectiveNode },
  { connector, spec, source, reader, problems }: TypeBuilding,
): CallSource {
  const { kind, name, file } = connector;
  const use = ROOTS.get(owner.name) ?? 'field';
  const values = reader.values(kind.kind, field.astNode!) ?? {};
  if (use !== 'field' && !kind.supports[use]) {
    reader.report(node, {
      rule: 'unsupported-use',
      message: `A ${kind.kind} connector has no ${use} fields.`,
      found: coordinate,
    });
  }
  const parent = use === 'field' ? fieldsBeside(owner, field.name) : [];
  const isLookup = has(field.astNode?.directives ?? [], 'lookup');
  const bindable = new BindableField(
    { coordinate, use, field, node, directive: values, parent, isLookup, file },
    problems,
  );
  const select = readSelect(node, values.select, reader);
  const binding = spec === undefined ? undefined : kind.bind(bindable, spec, source);
  const usable = (): unknown => {
    if (binding === undefined) throw new Error(`${name}: ${coordinate} has no usable binding`);
    return binding;
  };
  return {
    via: 'call',
    mode: use === 'subscription' ? 'stream' : 'unary',
    select,
    parentFields: [...bindable.parentFields],
    claims: [...bindable.claims],
    neededClaims: [...bindable.neededClaims],
    compile: (connections, selection) => {
      const call = connections.get(name).compile(usable(), selection);
      return connections.watch?.(name, coordinate, call) ?? call;
    },
    describe: (selection) =>
      kind.describe({
        directive: values,
        binding: usable(),
        selection,
        settings: source.settings,
        options: source.options,
      }),
  };
}

/** What a call may read of its parent, keys first. */
function fieldsBeside(
  { type }: ConnectorType,
  own: string,
): ReadonlyArray<{ readonly name: string; readonly isKey: boolean }> {
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  const keyed = new Set(keyNames(type));
  return Object.keys(type.getFields())
    .filter((name) => name !== own)
    .map((name) => ({ name, isKey: keyed.has(name) }))
    .sort((a, b) => Number(b.isKey) - Number(a.isKey));
}

function readSelect(node: ConstDirectiveNode, select: unknown, reader: DirectiveReader): Reader | undefined {
  if (typeof select !== 'string') return undefined;
  const path = reader.parse(node, 'select', () => parsePath(select));
  return path === undefined ? undefined : toPathReader(path);
}
