/** Steps that call a backend for the objects of a place, each with arguments of its own. */
import type { Arguments } from '../execute/call-arguments.ts';
import type { Values } from '../mapping/values.ts';
import {
  type BackendCall,
  type CellValue,
  type GivenValue,
  gather,
  readAll,
  runShared,
  toError,
} from './asking.ts';
import type { ObjectsPlan } from './plan.ts';
import type { Cell, Run } from './run.ts';
import { type AskedAhead, askAhead } from './step-lookups.ts';
import { fetchAll, toCells } from './steps.ts';

/** A call per object, those that ask the same only once. */
export interface CallWork {
  readonly call: BackendCall;
  readonly slot: number;
  readonly args: (run: Run) => Arguments;
  readonly parent: ReadonlyArray<{ readonly name: string; readonly value: CellValue }>;
  readonly required: ReadonlyArray<GivenValue>;
  readonly below: ObjectsPlan | undefined;
  /** Lookups of the object whose keys are arguments of this call. */
  readonly ahead: readonly AskedAhead[];
  /** Under which name several steps of the plan share what they load; undefined for mutations, which are never asked once for two. */
  readonly sharedAs: (() => string | undefined) | undefined;
}

export function runCalls(work: CallWork, cells: readonly Cell[], run: Run): Promise<void> | undefined {
  const textOf =
    work.sharedAs === undefined ? undefined : (values: Values): string => textOfValues(work, values);
  const { asked: batch, waiting } = gather(cells, work.slot, valuesReader(work, run), textOf);
  if (batch.length === 0) return undefined;
  const loading = runShared(work.call, work.sharedAs?.(), batch, run);
  if (cells.length === 1) for (const ahead of work.ahead) askAhead(ahead, work.args(run), run);
  return loading.then((outcomes) => placeOutcomes(work, waiting, outcomes, run));
}

function placeOutcomes(
  { call, slot, below }: CallWork,
  waiting: ReadonlyArray<readonly Cell[]>,
  outcomes: readonly unknown[],
  run: Run,
): Promise<void> | undefined {
  const found: Cell[] = [];
  for (let index = 0; index < waiting.length; index++) {
    const outcome = outcomes[index] ?? null;
    for (const cell of waiting[index]!)
      cell.slots[slot] = below === undefined ? outcome : toCells(outcome, call.field.type, below, found);
  }
  return fetchAll(found, run);
}

/** What the backend is asked with for one object, or what stands in place of the call: null, or a failure. */
function valuesReader(
  { call, args, parent, required }: CallWork,
  run: Run,
): (cell: Cell) => Values | Error | null {
  const { claims } = run.execution.caller;
  let common: Arguments | undefined;
  return (cell) => {
    const parentValues = readAll(parent, cell, run);
    if (parentValues === null || parentValues instanceof Error) return parentValues;
    try {
      if (required.length === 0) {
        common ??= call.toArguments(args(run), claims);
        return { args: common, parent: parentValues, claims };
      }
      const all: Record<string, unknown> = Object.assign(Object.create(null), args(run));
      for (const { name, value, give } of required) {
        const given = value(cell, run);
        if (given instanceof Error) return given;
        all[name] = give(given);
      }
      return { args: call.toArguments(all, claims), parent: parentValues, claims };
    } catch (error) {
      return toError(error);
    }
  };
}

/** Equal for calls that ask the same within one step. */
function textOfValues({ parent, required }: CallWork, { args, parent: values }: Values): string {
  const only = parent.length === 1 && required.length === 0 ? values[parent[0]!.name] : undefined;
  return typeof only === 'string'
    ? `"${only}`
    : JSON.stringify([required.length === 0 ? null : args, values]);
}
