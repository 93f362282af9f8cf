/** Names as the JSON form of protobuf writes them: `battery_level` is `batteryLevel`, unless `json_name` says otherwise. */
import protobuf, { type Field, type NamespaceBase, type Type } from 'protobufjs';

/** The JSON name of a field name (protobuf's own algorithm: what follows an underscore is upper case). */
export function toJsonName(name: string): string {
  return name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
}

/** A segment of a field mask, back from its JSON form. */
export function toProtoName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Gives every field and oneof below `scope` its JSON name. Must run before types are resolved.
 * @throws when two fields of a message get the same name
 */
export function useJsonNames(scope: NamespaceBase): void {
  for (const item of scope.nestedArray) {
    if (item instanceof protobuf.Type) renameFields(item);
    if (item instanceof protobuf.Namespace) useJsonNames(item);
  }
}

function renameFields(type: Type): void {
  for (const oneof of [...type.oneofsArray]) {
    // Removing a oneof removes its fields, adding it adds them: only in between they may change their names.
    type.remove(oneof);
    for (const field of oneof.fieldsArray) field.name = jsonNameOf(field);
    oneof.oneof = oneof.fieldsArray.map(({ name }) => name);
    if (!oneof.isProto3Optional) oneof.name = toJsonName(oneof.name);
    type.add(oneof);
  }
  for (const field of [...type.fieldsArray]) {
    const name = jsonNameOf(field);
    if (field.partOf !== null || field.declaringField !== null || name === field.name) continue;
    type.remove(field);
    field.name = name;
    type.add(field);
  }
}

function jsonNameOf(field: Field): string {
  const given: unknown = field.options?.json_name;
  return typeof given === 'string' && given !== '' ? given : toJsonName(field.name);
}
