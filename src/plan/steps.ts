/** Runs the steps of a place for all of its objects at once, and takes objects out of records to be fetched for. */
import { type GraphQLOutputType, isListType, isNonNullType } from 'graphql';
import { concrete, isUnset } from '../execute/object-value.ts';
import type { CellValue } from './asking.ts';
import { invalid } from './complete.ts';
import type { ObjectsPlan, Step } from './plan.ts';
import { Cell, type Run } from './run.ts';
import { watched } from './watched.ts';

/** Objects inside the records of a place that have to be fetched for. */
export interface ObjectsWork {
  readonly slot: number;
  readonly value: CellValue;
  readonly type: GraphQLOutputType;
  readonly below: ObjectsPlan;
}

export function runObjects(
  { slot, value, type, below }: ObjectsWork,
  cells: readonly Cell[],
  run: Run,
): Promise<void> | undefined {
  const found: Cell[] = [];
  for (const cell of cells) cell.slots[slot] = toCells(value(cell, run), type, below, found);
  return found.length === 0 ? undefined : fetchAll(found, run);
}

/** Turns the objects of a value into cells, keeping lists, nulls and errors as they are; the cells are added to `found`. */
export function toCells(raw: unknown, type: GraphQLOutputType, below: ObjectsPlan, found: Cell[]): unknown {
  if (raw === null || raw === undefined) return null;
  if (raw instanceof Error) return raw;
  if (isNonNullType(type)) return toCells(raw, type.ofType, below, found);
  if (isListType(type)) {
    if (!Array.isArray(raw)) return invalid(below.connector, `expected a list for ${type}`);
    return raw.map((item) => toCells(item, type.ofType, below, found));
  }
  if (typeof raw !== 'object' || Array.isArray(raw))
    return invalid(below.connector, `expected an object for ${type}`);
  let record: unknown = raw;
  let plan = below.single;
  if (plan === undefined) {
    if (isUnset(below.connector, below.graphType, raw)) return null;
    const which = concrete(below.connector, below.graphType, raw);
    if (which === undefined)
      return invalid(below.connector, `a record of ${below.graphType} does not say which type it is`);
    record = which.record;
    plan = below.byType.get(which.typeName);
  }
  const cell = new Cell(record, plan);
  if (plan !== undefined && !plan.pure) found.push(cell);
  return cell;
}

/** Fetches for cells of whatever plans. */
export function fetchAll(cells: readonly Cell[], run: Run): Promise<void> | undefined {
  const first = cells[0];
  if (first === undefined) return undefined;
  if (cells.length === 1 || cells.every(({ plan }) => plan === first.plan))
    return fetchObjects(first.plan!.steps, cells, run);
  const groups = Map.groupBy(cells, ({ plan }) => plan!);
  return whenAll([...groups].map(([plan, group]) => fetchObjects(plan.steps, group, run)));
}

/** Runs all steps of a place, each as soon as those it needs have ended. Undefined when nothing has to be waited for. */
export function fetchObjects(
  steps: readonly Step[],
  cells: readonly Cell[],
  run: Run,
): Promise<void> | undefined {
  const { trace } = run.execution;
  return runSteps(trace === undefined ? steps : watched(steps, trace), cells, run);
}

function runSteps(steps: readonly Step[], cells: readonly Cell[], run: Run): Promise<void> | undefined {
  if (steps.length === 1) return steps[0]!.run(cells, run);
  const ended: Array<Promise<void> | undefined> = [];
  for (const step of steps) {
    const needed = whenAll(step.after.map((index) => ended[index]));
    ended.push(needed === undefined ? step.run(cells, run) : needed.then(() => step.run(cells, run)));
  }
  return whenAll(ended);
}

function whenAll(work: ReadonlyArray<Promise<void> | undefined>): Promise<void> | undefined {
  const pending = work.filter((one) => one !== undefined);
  return pending.length < 2 ? pending[0] : (Promise.all(pending) as Promise<unknown> as Promise<void>);
}
