/** A selection as text of the backend's language, and what has to be put right in the records that come back. */
import {
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  print,
} from 'graphql';
import type { SelectedField, Selection } from '../kind.ts';
import type { BackendSchema } from './backend-schema.ts';
import { toBackendType } from './bind-arguments.ts';
import type { RecordFix } from './record-fix.ts';

export interface PrintedSelection {
  /** With braces and a space before; empty for leaves. */
  readonly text: string;
  /** Arguments inside, filled from `CallContext.slots`. */
  readonly slots: ReadonlyArray<{ readonly slot: number; readonly type: string }>;
  readonly fix: RecordFix | undefined;
}

interface Names {
  /** Own type names to the backend's, where they differ. */
  readonly types: Readonly<Record<string, string>>;
  /** The backend's schema, when its SDL is vendored. */
  readonly backend: BackendSchema | undefined;
}

export function slotVariable(slot: number): string {
  return `s${slot}`;
}

export function printSelection(
  selection: Selection,
  type: GraphQLOutputType,
  names: Names,
): PrintedSelection {
  const printer = new Printer(names);
  const named = getNamedType(type);
  if (!isCompositeType(named)) return { text: '', slots: [], fix: undefined };
  const { text, fix } = printer.level(selection, named);
  const slots = [...printer.slots].map(([slot, slotType]) => ({ slot, type: slotType }));
  return { text: ` ${text}`, slots, fix };
}

interface Level {
  readonly text: string;
  readonly fix: RecordFix | undefined;
}

const NAME = /^[A-Za-z_]\w*$/;
const TYPENAME = '__typename';

class Printer {
  readonly slots = new Map<number, string>();
  readonly #names: Names;
  readonly #typeNames: ReadonlyMap<string, string> | undefined;

  constructor(names: Names) {
    this.#names = names;
    const renamed = Object.entries(names.types);
    this.#typeNames =
      renamed.length === 0 ? undefined : new Map(renamed.map(([own, backend]) => [backend, own]));
  }

  level({ fields }: Selection, type: GraphQLNamedType | undefined): Level {
    const moves: Array<{ from: string; to: string }> = [];
    const children: Array<{ key: string; fix: RecordFix }> = [];
    const texts: string[] = [];
    const isAbstract = isAbstractType(type) || fields.some(({ on }) => on !== undefined);
    const asksTypename = fields.some(
      ({ on, key, name }) => on === undefined && name === TYPENAME && key === name,
    );
    if (fields.length === 0 || (isAbstract && !asksTypename)) texts.push(TYPENAME);
    const clashing = this.#clashingKeys(fields);
    for (const [on, group] of Map.groupBy(fields, (field) => field.on)) {
      const inside: string[] = [];
      for (const field of group) {
        const mustMove = !NAME.test(field.key) || (on !== undefined && clashing.has(field.key));
        const alias = mustMove ? `m${moves.length}_${field.name}` : field.key;
        if (mustMove) moves.push({ from: alias, to: field.key });
        const child = this.#field(field, alias, on === undefined ? type : undefined);
        inside.push(child.text);
        if (child.fix !== undefined) children.push({ key: alias, fix: child.fix });
      }
      const text = inside.join(' ');
      texts.push(on === undefined ? text : `... on ${this.#typeName(on)} { ${text} }`);
    }
    const typeNames = isAbstract ? this.#typeNames : undefined;
    const isNeeded = moves.length > 0 || children.length > 0 || typeNames !== undefined;
    return { text: `{ ${texts.join(' ')} }`, fix: isNeeded ? { moves, children, typeNames } : undefined };
  }

  #field(field: SelectedField, alias: string, parent: GraphQLNamedType | undefined): Level {
    const args = field.arguments.map(({ name, type, slot }) => {
      this.slots.set(slot, this.#typeName(type));
      return `${name}: $${slotVariable(slot)}`;
    });
    const head = `${alias === field.name ? '' : `${alias}: `}${field.name}${args.length === 0 ? '' : `(${args.join(', ')})`}`;
    const type =
      isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[field.name]?.type : undefined;
    const named = type === undefined ? undefined : getNamedType(type);
    if (field.selection === undefined && !isCompositeType(named)) return { text: head, fix: undefined };
    const { text, fix } = this.level(field.selection ?? { fields: [] }, named);
    return { text: `${head} ${text}`, fix };
  }

  /**
   * Keys that are asked of several types in a way that GraphQL may refuse to answer under one name: it wants the same arguments
   * and the same shape, also of objects that can never be both.
   */
  #clashingKeys(fields: readonly SelectedField[]): ReadonlySet<string> {
    const clashing = new Set<string>();
    for (const [key, same] of Map.groupBy(fields, (field) => field.key)) {
      if (same.length > 1 && !this.#agree(same)) clashing.add(key);
    }
    return clashing;
  }

  #agree(fields: readonly SelectedField[]): boolean {
    const first = fields[0]!;
    if (fields.some(({ name }) => name !== first.name)) return false;
    if (first.name === TYPENAME) return true;
    const type = this.#printedType(first);
    return type !== undefined && fields.every((field) => isPlain(field) && this.#printedType(field) === type);
  }

  #printedType({ on, name }: SelectedField): string | undefined {
    const type = on === undefined ? undefined : this.#names.backend?.types.get(this.#typeName(on));
    const field = type?.fields.get(name);
    return field && print(field.type);
  }

  #typeName(own: string): string {
    return toBackendType(own, this.#names.types);
  }
}

/** Without arguments and types all the way down. */
function isPlain({ arguments: args, selection }: SelectedField): boolean {
  const below = selection?.fields ?? [];
  return args.length === 0 && below.every((field) => field.on === undefined && isPlain(field));
}
