/** The arguments of one backend call: the caller's, required ones and claims, in wire form. What can be decided of a field is, once. */
import { isNonNullType } from 'graphql';
import { bareObject } from '../bare-object.ts';
import { HemError } from '../errors.ts';
import type { ConnectorField } from '../load/model.ts';
import { withoutClaim } from '../mapping/values.ts';
import { wireConverter } from './wire.ts';

export type Arguments = Readonly<Record<string, unknown>>;

/** Without a prototype, as all of these: an argument may be called "constructor". */
export const NO_ARGUMENTS: Arguments = Object.freeze(Object.create(null));

/**
 * @param args what callers give, by the names of the field's arguments; others are ignored
 * @throws {HemError} UNAUTHENTICATED without a claim that is needed, BAD_ARGUMENT without a value that is needed
 */
export type ToCallArguments = (args: Arguments, claims: Arguments) => Arguments;

const byField = new WeakMap<ConnectorField, ToCallArguments>();

export function toCallArguments(field: ConnectorField): ToCallArguments {
  const known = byField.get(field);
  if (known !== undefined) return known;
  const made = compile(field);
  byField.set(field, made);
  return made;
}

function compile(field: ConnectorField): ToCallArguments {
  if (field.args.length === 0) return () => NO_ARGUMENTS;
  const convert = compileOwn(field);
  const claimed = field.args.filter(({ claim }) => claim !== undefined);
  if (claimed.length === 0) return convert;
  return (args, claims) => {
    const all: Record<string, unknown> = Object.assign(Object.create(null), args);
    for (const { name, claim } of claimed) {
      const { name: claimName, optional } = claim!;
      const value = Object.hasOwn(claims, claimName) ? claims[claimName] : undefined;
      if ((value === undefined || value === null) && !optional) throw withoutClaim(claimName);
      all[name] = value;
    }
    return convert(all, claims);
  };
}

function compileOwn(field: ConnectorField): ToCallArguments {
  const parts = field.args.map(({ name, type, defaultValue }) => ({
    name,
    inherited: name in Object.prototype,
    needed: isNonNullType(type) && defaultValue === undefined,
    defaultValue,
    convert: wireConverter(field, name),
  }));
  return (args) => {
    const result = bareObject();
    for (const { name, inherited, needed, defaultValue, convert } of parts) {
      const given = inherited && !Object.hasOwn(args, name) ? undefined : args[name];
      if (needed && (given === undefined || given === null)) throw withoutValue(name);
      const value = given === undefined ? defaultValue : given;
      if (value === undefined) continue;
      result[name] = convert === undefined || value === null ? value : convert(value);
    }
    return result;
  };
}

function withoutValue(name: string): HemError {
  return new HemError('BAD_ARGUMENT', {
    publicText: `The argument "${name}" has no value, and the backend cannot be asked without it.`,
  });
}
