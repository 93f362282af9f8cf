/** Input fields may be named as what every object inherits ("constructor"): reading them from ordinary objects finds functions. */
import { type GraphQLSchema, isInputObjectType } from 'graphql';

/** Whether a schema has such input fields. Few do, and only theirs variables need {@link makeBare}. */
export function hasInheritedNames(schema: GraphQLSchema): boolean {
  return Object.values(schema.getTypeMap())
    .filter(isInputObjectType)
    .some((type) => Object.keys(type.getFields()).some((name) => name in Object.prototype));
}

/** Takes the prototypes from parsed JSON, in place. */
export function makeBare(json: unknown): void {
  const pending: unknown[] = [json];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== 'object' || value === null || value instanceof Blob) continue;
    for (const inner of Object.values(value)) pending.push(inner);
    if (!Array.isArray(value)) Object.setPrototypeOf(value, null);
  }
}
