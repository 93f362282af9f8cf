/** What calls and lookups of a plan have in common: a batch of a backend's call, values that go into it, and what is asked only once. */
import DataLoader from 'dataloader';
import { bareObject } from '../bare-object.ts';
import type { CompiledCall, Outcome, UnaryCall } from '../connectors/kind.ts';
import { HemError } from '../errors.ts';
import { type Arguments, NO_ARGUMENTS, type ToCallArguments } from '../execute/call-arguments.ts';
import { withLastGood } from '../execute/last-good.ts';
import { runUnary } from '../execute/unary-call.ts';
import type { ConnectorField } from '../load/model.ts';
import type { Reader } from '../mapping/path.ts';
import type { Values } from '../mapping/values.ts';
import type { Cell, Run } from './run.ts';

export type CellValue = (cell: Cell, run: Run) => unknown;

/** A compiled connector call with what it needs per run. */
export interface BackendCall {
  readonly field: ConnectorField;
  readonly call: CompiledCall;
  readonly select: Reader | undefined;
  readonly toArguments: ToCallArguments;
  /** Values of arguments inside the selection. */
  readonly slots: ReadonlyArray<(run: Run) => unknown>;
  /** Equal for equal selections. */
  readonly selectionId: string;
}

/** Runs a batch; failures of the whole become failures of each. */
export function runBatch(
  { field, call, select, slots, selectionId }: BackendCall,
  batch: readonly Values[],
  run: Run,
): Promise<readonly Outcome[]> {
  const { caller } = run.execution;
  const contextOf = () => (slots.length === 0 ? caller : caller.withSlots(slots.map((slot) => slot(run))));
  const outcomes = runUnary(field, { call: call as UnaryCall, select }, batch, contextOf);
  if (field.staleMs === undefined) return outcomes;
  return outcomes.then((all) =>
    withLastGood(run.execution, { field, selectionId, batch, context: contextOf() }, all),
  );
}

/** Runs a batch, of which nothing is asked again that another step asks. @param sharedAs undefined where no other step asks the same */
export function runShared(
  call: BackendCall,
  sharedAs: string | undefined,
  batch: readonly Values[],
  run: Run,
): Promise<readonly Outcome[]> {
  if (sharedAs === undefined) return runBatch(call, batch, run);
  return loadShared(run, sharedAs, batch, {
    load: (part) => runBatch(call, part, run),
    keyOf: ({ args, parent }) => JSON.stringify([args, parent]),
  });
}

/** A value of another backend that becomes an argument. */
export interface GivenValue {
  readonly name: string;
  readonly value: CellValue;
  /** As the argument's type reads it. @throws {UpstreamError} */
  readonly give: (value: unknown) => unknown;
}

/** All values by name; null when one is missing, or what failed in one. */
export function readAll(
  sources: ReadonlyArray<{ readonly name: string; readonly value: CellValue }>,
  cell: Cell,
  run: Run,
): Arguments | Error | null {
  if (sources.length === 0) return NO_ARGUMENTS;
  const values = bareObject();
  for (const { name, value } of sources) {
    const given = value(cell, run);
    if (given === null || given === undefined) return null;
    if (given instanceof Error) return given;
    values[name] = given;
  }
  return values;
}

interface Gathered<Asked> {
  readonly asked: readonly Asked[];
  /** Per element of what is asked, who waits for it. */
  readonly waiting: ReadonlyArray<readonly Cell[]>;
}

/** What is asked for many objects; what stands in place of asking is put in their slots. @param textOf where equal ones are asked once */
export function gather<Asked>(
  cells: readonly Cell[],
  slot: number,
  askedFor: (cell: Cell) => Asked | Error | null,
  textOf: ((asked: Asked) => string) | undefined,
): Gathered<Asked> {
  const asked: Asked[] = [];
  const waiting: Cell[][] = [];
  const compared = cells.length === 1 ? undefined : textOf;
  const known = compared && new Map<string, Cell[]>();
  for (const cell of cells) {
    const one = askedFor(cell);
    if (one === null || one instanceof Error) {
      cell.slots[slot] = one;
      continue;
    }
    let text: string | undefined;
    try {
      text = compared?.(one);
    } catch (error) {
      // Nested so deep that it has no text.
      cell.slots[slot] = toError(error);
      continue;
    }
    const others = text === undefined ? undefined : known?.get(text);
    if (others !== undefined) {
      others.push(cell);
      continue;
    }
    const own = [cell];
    if (text !== undefined) known?.set(text, own);
    waiting.push(own);
    asked.push(one);
  }
  return { asked, waiting };
}

/** What steps of one tick ask is one batch, and what was loaded is not asked for again. */
export function loadShared<Asked>(
  { loaders }: Run,
  id: string,
  batch: readonly Asked[],
  { load, keyOf }: { load(part: readonly Asked[]): Promise<readonly unknown[]>; keyOf(asked: Asked): string },
): Promise<readonly unknown[]> {
  let loader = loaders.get(id) as DataLoader<Asked, unknown, string> | undefined;
  if (loader === undefined) {
    loader = new DataLoader<Asked, unknown, string>(async (part) => [...(await load(part))], {
      cacheKeyFn: keyOf,
    });
    loaders.set(id, loader);
  }
  const own = loader;
  return Promise.all(
    batch.map((asked) => {
      try {
        return own.load(asked).catch((error: unknown) => error);
      } catch (error) {
        return toError(error);
      }
    }),
  );
}

export function toError(error: unknown): Error {
  return error instanceof Error ? error : new HemError('INTERNAL', { cause: error });
}
