/** Finds every reference to a type that does not exist, where the library would stop at the first. */
import protobuf, { type NamespaceBase, type ReflectionObject, type Root } from 'protobufjs';
import { didYouMean } from '../../problems.ts';

export interface UnresolvedName {
  /** As protobufjs remembers it: the path that was parsed. */
  readonly file: string | null;
  readonly name: string;
  /** "fleet.v1.Bike.station" or "fleet.v1.Fleet/GetBike". */
  readonly owner: string;
  readonly hint: string | undefined;
}

export function unresolvedNames(root: Root): UnresolvedName[] {
  const found: UnresolvedName[] = [];
  const known: string[] = [];
  const check = (
    scope: NamespaceBase,
    name: string,
    from: ReflectionObject,
    owner: string,
    message: boolean,
  ) => {
    if (protobuf.types.basic[name as keyof typeof protobuf.types.basic] !== undefined) return;
    const target = scope.lookup(name, message ? [protobuf.Type] : [protobuf.Type, protobuf.Enum]);
    if (target === null) found.push({ file: from.filename, name, owner, hint: didYouMean(name, known) });
  };
  visit(root, (item) => {
    if (item instanceof protobuf.Type || item instanceof protobuf.Enum) known.push(item.name);
  });
  visit(root, (item) => {
    if (item instanceof protobuf.Type) {
      for (const field of item.fieldsArray) check(item, field.type, item, field.fullName.slice(1), false);
    }
    if (item instanceof protobuf.Service) {
      for (const method of item.methodsArray) {
        const owner = `${item.fullName.slice(1)}/${method.name}`;
        check(item, method.requestType, item, owner, true);
        check(item, method.responseType, item, owner, true);
      }
    }
  });
  return found;
}

function visit(scope: NamespaceBase, look: (item: ReflectionObject) => void): void {
  for (const item of scope.nestedArray) {
    look(item);
    if (item instanceof protobuf.Namespace) visit(item, look);
  }
}
