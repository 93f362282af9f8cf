/** The step of a subscription: opens the backend's stream, and puts each event where the plan reads it. */
import { toCallArguments } from '../execute/call-arguments.ts';
import { openStream } from '../execute/calls.ts';
import type { selectForCall } from '../execute/record-selection.ts';
import type { ConnectorField } from '../load/model.ts';
import type { GraphArguments } from './field-arguments.ts';
import { listLevels } from './list-levels.ts';
import type { ObjectPlan, ObjectsPlan, StreamStep } from './plan.ts';
import type { Cell, Run } from './run.ts';
import { fetchAll, fetchObjects, toCells } from './steps.ts';

interface EventsOf {
  readonly field: ConnectorField;
  /** Response key. */
  readonly label: string;
  readonly selection: ReturnType<typeof selectForCall>;
  readonly args: GraphArguments;
  /** Of the root, for the event. */
  readonly slot: number;
  readonly root: ObjectPlan;
  /** Of events that are objects for which something is fetched. */
  readonly below: ObjectsPlan | undefined;
}

export function toStreamStep({ field, label, selection, args, slot, root, below }: EventsOf): StreamStep {
  const { source } = field;
  const toArguments = toCallArguments(field);
  return {
    field,
    what: {
      kind: 'stream',
      connector: field.owner.connector.name,
      field: field.coordinate,
      describe: source.via === 'call' ? () => source.describe(selection.selection) : undefined,
      sharedAs: undefined,
      batchSize: undefined,
      label,
      ahead: false,
      wantedBy: new Set([label]),
      lists: listLevels(field.type),
      why: 'gives the events; what stands below it happens for each',
      conditional: false,
      below,
    },
    open(run) {
      const slots = (selection.slots as ReadonlyArray<(run: Run) => unknown>).map((value) => value(run));
      const { claims } = run.execution.caller;
      const values = { args: toArguments(args(run), claims), parent: {}, claims };
      return openStream(run.execution, field, { ...selection, slots }, values);
    },
    async place(event, cell, run) {
      const found: Cell[] = [];
      cell.slots[slot] = below === undefined ? (event ?? null) : toCells(event, field.type, below, found);
      await fetchAll(found, run);
      await fetchObjects(root.steps, [cell], run);
    },
  };
}
