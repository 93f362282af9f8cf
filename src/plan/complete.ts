/** Completion of values by the view's types, as graphql-js completes them: coercion, nullability, lists, abstract types, error paths. */
import {
  type GraphQLOutputType,
  getNamedType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isScalarType,
} from 'graphql';
import { HemError, UpstreamError } from '../errors.ts';
import { concrete, isUnset } from '../execute/object-value.ts';
import { fromWire } from '../execute/wire.ts';
import type { Connector } from '../load/model.ts';
import { scalarReader, whyNoScalar } from '../load/scalars.ts';
import { textOf } from '../mapping/text-of.ts';
import type { View } from '../views/view.ts';
import { type FailingField, nulled, report } from './failures.ts';
import type { ObjectsPlan } from './plan.ts';
import { Cell, FAILED, type Path, type Run, TOO_MANY_VALUES } from './run.ts';

/** The completed value, or FAILED when the position cannot be what its type says; the error is reported by then. */
export type Complete = (value: unknown, run: Run, path: Path | undefined) => unknown;

export interface FieldFacts extends FailingField {
  readonly view: View;
  /** Whose value it is. */
  readonly connector: Connector;
  /** Of object types. */
  readonly below: ObjectsPlan | undefined;
}

/** Completes the value of a field. FAILED comes out only where the type is non-null. */
export function compileComplete(type: GraphQLOutputType, facts: FieldFacts): Complete {
  if (isNonNullType(type)) {
    const inner = compileInner(type.ofType, facts);
    return (value, run, path) => {
      const completed = inner(value, run, path);
      return completed === null
        ? report(run, facts, () => invalid(facts.connector, `null for ${type}`), path)
        : completed;
    };
  }
  const inner = compileInner(type, facts);
  return (value, run, path) => {
    // Without paths the first error ends the projection, so nothing fails here.
    if (!run.tracking) return inner(value, run, path);
    const { leftOut } = run.execution.failures;
    const told = run.failures.length;
    const completed = inner(value, run, path);
    return completed === FAILED ? nulled(run, told, leftOut) : completed;
  };
}

/** Null stays null, an error is reported; what is left is given to the type. */
function compileInner(type: Exclude<GraphQLOutputType, { kind: 'non-null' }>, facts: FieldFacts): Complete {
  const present = compilePresent(type, facts);
  return (value, run, path) => {
    if (value === null || value === undefined) return null;
    if (value instanceof Error) return report(run, facts, value, path);
    if (!run.tracking) return present(value, run, path);
    try {
      return present(value, run, path);
    } catch (error) {
      if (error === TOO_MANY_VALUES) throw error;
      // Unforeseen, and the affair of this field.
      return report(run, facts, error, path);
    }
  };
}

function compilePresent(type: GraphQLOutputType, facts: FieldFacts): Complete {
  if (isListType(type)) return compileList(type.ofType, facts);
  if (isLeafType(type)) return compileLeaf(type, facts);
  return compileObject(type, facts);
}

function compileList(itemType: GraphQLOutputType, facts: FieldFacts): Complete {
  const item = compileComplete(itemType, facts);
  return (value, run, path) => {
    if (!Array.isArray(value))
      return report(run, facts, () => invalid(facts.connector, `no list for [${itemType}]`), path);
    const { length } = value;
    if (!run.values.take(length)) throw TOO_MANY_VALUES;
    const completed = new Array(length);
    for (let index = 0; index < length; index++) {
      const one = item(value[index], run, run.tracking ? { prev: path, key: index } : undefined);
      if (one === FAILED) return FAILED;
      completed[index] = one;
    }
    return completed;
  };
}

function compileLeaf(type: GraphQLOutputType, facts: FieldFacts): Complete {
  const { view, connector } = facts;
  const named = getNamedType(type);
  if (isEnumType(named)) {
    const viewType = view.types.get(named.name);
    const graphName = viewType?.graphName ?? named.name;
    const known = connector.types.get(graphName)?.type;
    return (raw, run, path) => {
      const value = fromWire(connector, graphName, raw);
      if (isEnumType(known) && known.getValue(textOf(value)) === undefined) {
        return report(run, facts, () => invalid(connector, `"${textOf(value)}" is no ${graphName}`), path);
      }
      if (viewType?.enumToView === undefined) return value;
      return (
        viewType.enumToView.get(textOf(value)) ??
        report(run, facts, () => new HemError('HIDDEN_VALUE', { internal: connector.name }), path)
      );
    };
  }
  if (!isScalarType(named)) throw new Error('unreachable');
  const read = scalarReader(named);
  return (value, run, path) => {
    const completed = read(value);
    if (completed === undefined)
      return report(run, facts, () => invalid(connector, whyNoScalar(named, value)), path);
    if (!run.values.takeAll(completed)) throw TOO_MANY_VALUES;
    return completed;
  };
}

function compileObject(type: GraphQLOutputType, facts: FieldFacts): Complete {
  const below = facts.below!;
  const { connector } = facts;
  const hidden = (run: Run, path: Path | undefined) =>
    report(run, facts, () => new HemError('HIDDEN_VALUE', { internal: connector.name }), path);
  if (!below.pure) {
    return (value, run, path) => {
      if (!(value instanceof Cell))
        return report(run, facts, () => invalid(connector, `no object for ${type}`), path);
      return value.plan === undefined ? hidden(run, path) : value.plan.project(value, run, path);
    };
  }
  const only = below.single;
  if (only !== undefined) {
    return (value, run, path) => {
      if (typeof value !== 'object' || Array.isArray(value))
        return report(run, facts, () => invalid(connector, `no object for ${type}`), path);
      return only.project(value, run, path);
    };
  }
  return (value, run, path) => {
    if (typeof value !== 'object' || Array.isArray(value))
      return report(run, facts, () => invalid(connector, `no object for ${type}`), path);
    if (isUnset(connector, below.graphType, value)) return null;
    const found = concrete(connector, below.graphType, value);
    if (found === undefined)
      return report(
        run,
        facts,
        () => invalid(connector, `a record of ${below.graphType} does not say which type it is`),
        path,
      );
    const plan = below.byType.get(found.typeName);
    return plan === undefined ? hidden(run, path) : plan.project(found.record, run, path);
  };
}

export function invalid(connector: Connector, internal: string): UpstreamError {
  return new UpstreamError('UPSTREAM_INVALID', connector.name, { internal });
}
