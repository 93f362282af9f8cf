/** The operations that a client has in its folder, each in one line: what it asks for at most. */
import type { Generation } from '../generation.ts';
import { describeCost } from '../operation/cost/describe-cost.ts';
import { describeOperation, type OperationDescription } from '../plan/describe.ts';
import type { View } from '../views/view.ts';
import { ownOperations } from './find-operation.ts';
import type { Format } from './report.ts';
import { printTable } from './table.ts';

/** For what is only described: where calls would go. */
export const NO_CONNECTIONS = {
  get: () => ({
    compile: () => ({ mode: 'unary' as const, call: async () => [] }),
    [Symbol.asyncDispose]: async () => {},
  }),
};

interface Listed extends Pick<OperationDescription, 'operation' | 'engine'> {
  readonly name: string | null;
  readonly file: string;
  /** Backend calls at most; null where the reference engine runs. */
  readonly calls: number | null;
  /** Of these, one after the other. */
  readonly longestChain: number | null;
  /** At most. */
  readonly cost: number | null;
}

export function listOperations(
  { graph, configuration }: Generation,
  view: View,
  { format, listLength }: { readonly format: Format; readonly listLength?: number | undefined },
): void {
  const { client } = view;
  const all = ownOperations(client).map(({ file, document, name }): Listed => {
    const described = describeOperation(
      { view, graph, connections: NO_CONNECTIONS },
      document,
      name,
      listLength,
    );
    const { operation, engine } = described;
    const bounds = described.engine === 'compiled' ? described : undefined;
    return {
      name: name ?? null,
      ...{ operation, engine, file },
      calls: bounds?.worstCase.calls ?? null,
      longestChain: bounds?.longestChain.calls ?? null,
      cost: describeCost(view, document, { name, settings: configuration.settings })?.cost.atMost ?? null,
    };
  });
  if (format === 'json') {
    console.log(JSON.stringify({ client: client.name, operations: all }, null, 2));
    return;
  }
  printTable(
    ['operation', 'kind', 'calls', 'in a row', 'cost', 'file'],
    all.map(({ name, operation, calls, longestChain, cost, file }) => [
      ...[name ?? '(without a name)', operation],
      ...[calls, longestChain, cost].map((number) => (number === null ? null : String(number))),
      file,
    ]),
    `The client "${client.name}" has no operations of its own: clients/${client.name}/operations/*.graphql.`,
  );
}
