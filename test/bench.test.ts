/** That the bench runs, compares answers and reports in its shape. Never what it measures: nothing here looks at a clock. */
import { expect, test } from 'vitest';
import { runCommand } from './support/command.ts';

const SHORT = ['--rounds', '1', '--round-ms', '20', '--warm-up-ms', '0', '--connections', '2'];
const BENCH = [process.execPath, 'bench/run.ts'] as const;

const figures = {
  cpuUsPerRequest: expect.any(Number),
  requestsPerSecond: expect.any(Number),
  p50Ms: expect.any(Number),
  p99Ms: expect.any(Number),
  rssMb: expect.any(Number),
  ratioToByHand: expect.any(Number),
};

test('--quick --json', { timeout: 60_000 }, async () => {
  const { code, output } = await runCommand([...BENCH, '--quick', '--json', ...SHORT]);
  expect(code, output).toBe(0);
  const contenders = ['by-hand', 'by-hand-dispatch', 'yoga', 'stitched', 'hem'].map((name) => ({
    name,
    ...figures,
  }));
  expect(JSON.parse(output)).toMatchObject({
    workloads: [
      { name: 'two-rest-calls', contenders },
      { name: 'list-join', contenders },
    ],
  });
});

// Hem answers as by hand over every kind, or the bench ends with an error.
test.each(['deep-large', 'grpc', 'soap', 'amqp', 'websocket', 'graphql', 'cached'])(
  '%s',
  {
    timeout: 60_000,
  },
  async (workload) => {
    const command = [
      ...BENCH,
      '--json',
      '--workload',
      workload,
      '--contender',
      'hem',
      '--no-varied',
      ...SHORT,
    ];
    const { code, output } = await runCommand(command as [string, ...string[]]);
    expect(code, output).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      workloads: [
        {
          name: workload,
          contenders: [
            { name: 'by-hand', ...figures, ratioToByHand: 1 },
            { name: 'hem', ...figures },
          ],
        },
      ],
    });
  },
);

test('policies', { timeout: 60_000 }, async () => {
  const names = ['by-hand', 'hem', 'hem-plain'];
  const contenders = names.flatMap((name) => ['--contender', name]);
  const command = [...BENCH, '--json', '--workload', 'policies', ...contenders, '--no-varied', ...SHORT];
  const { code, output } = await runCommand(command as [string, ...string[]]);
  expect(code, output).toBe(0);
  expect(JSON.parse(output).workloads).toMatchObject([
    {
      name: 'policies',
      contenders: names.map((name) => ({ name, ...figures })),
      notes: [expect.stringMatching(/^hem: [\d.]+ × the processor time of hem-plain$/)],
    },
  ]);
});

test('a workload that does not exist', async () => {
  const { code, output } = await runCommand([...BENCH, '--workload', 'nothing']);
  expect(code).toBe(2);
  expect(output).toContain('No workload "nothing"');
});
