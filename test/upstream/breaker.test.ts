/** When circuits open and close, on a clock of the test's own. How connectors use them is tried in the conformance list. */
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/cancellation.ts';
import { breaker as schema } from '../../src/connectors/breaker-settings.ts';
import { HemError, UpstreamError } from '../../src/errors.ts';
import { Breaker, type BreakerState } from '../../src/upstream/breaker.ts';

function open(given: Record<string, unknown> = {}) {
  let now = 0;
  const states: BreakerState[] = [];
  const breaker = new Breaker('things', schema.parse(given), {
    log: pino({ level: 'silent' }),
    onState: (state) => states.push(state),
    now: () => now,
    random: () => 0,
  });
  const call = (outcome: 'answered' | 'failed' | 'gaveUp'): boolean => {
    const begun = breaker.begin();
    if (typeof begun !== 'number') return false;
    breaker[outcome](begun);
    return true;
  };
  const calls = (count: number, outcome: Parameters<typeof call>[0]): void => {
    for (let made = 0; made < count; made++) call(outcome);
  };
  return { breaker, states, call, calls, pass: (ms: number) => (now += ms) };
}

describe('opens', () => {
  test('when half of twenty calls failed, and not before', () => {
    const { breaker, calls } = open();
    calls(10, 'answered');
    calls(9, 'failed');
    expect(breaker.state).toBe('closed');
    calls(1, 'failed');
    expect(breaker.state).toBe('open');
  });

  test('not by failures that are long over, however many', () => {
    const { breaker, calls, pass } = open();
    for (let round = 0; round < 20; round++) {
      calls(15, 'failed');
      pass(20_000);
    }
    expect(breaker.state).toBe('closed');
  });

  test('though there were a million answers yesterday', () => {
    const { breaker, calls, pass } = open();
    calls(1_000_000, 'answered');
    pass(86_400_000);
    calls(20, 'failed');
    expect(breaker.state).toBe('open');
  });

  test('by failures that come slowly, as long as the window holds them', () => {
    const { breaker, call, pass } = open();
    for (let made = 0; made < 20; made++) {
      call('failed');
      pass(250);
    }
    expect(breaker.state).toBe('open');
  });
});

describe('an open one', () => {
  test('lets nothing through, says for how long, and lets one call find out', () => {
    const { breaker, calls, pass, states } = open({ pause: '2s' });
    calls(20, 'failed');
    pass(500);
    const refusal = breaker.begin();
    expect(refusal).toBeInstanceOf(UpstreamError);
    expect(refusal).toMatchObject({ code: 'UPSTREAM_CIRCUIT_OPEN', publicDetails: { retryAfterMs: 1500 } });
    pass(1500);
    const probe = breaker.begin();
    expect(probe).toBeTypeOf('number');
    expect(breaker.begin()).toBeInstanceOf(UpstreamError);
    breaker.answered(probe as number);
    expect(states).toEqual(['closed', 'open', 'half-open', 'closed']);
  });

  test('waits twice as long each time in vain, up to the longest pause', () => {
    const { breaker, calls, call, pass } = open({ pause: '1s', maxPause: '5s' });
    calls(20, 'failed');
    for (const pause of [1000, 2000, 4000, 5000, 5000]) {
      pass(pause - 1);
      expect(call('failed')).toBe(false);
      pass(1);
      expect(call('failed')).toBe(true);
    }
    pass(5000);
    expect(call('answered')).toBe(true);
    expect(breaker.state).toBe('closed');
  });

  test('waits longer again when it had been closed for a moment only', () => {
    const { call, calls, pass } = open({ pause: '1s', maxPause: '60s', calls: 1 });
    calls(1, 'failed');
    pass(1000);
    calls(1, 'answered');
    calls(1, 'failed');
    pass(1000);
    expect(call('answered')).toBe(false);
    pass(1000);
    expect(call('answered')).toBe(true);
    pass(10_000);
    calls(1, 'failed');
    pass(1000);
    expect(call('answered')).toBe(true);
  });

  test('asks by another call when the one that was to find out was given up', () => {
    const { breaker, calls, call, pass } = open();
    calls(20, 'failed');
    pass(1000);
    call('gaveUp');
    expect(call('answered')).toBe(true);
    expect(breaker.state).toBe('closed');
  });

  test('asks by another call when nothing is heard of the one that was to find out', () => {
    const { breaker, calls, call, pass } = open({ pause: '1s', maxPause: '5s' });
    calls(20, 'failed');
    pass(1000);
    expect(breaker.begin()).toBeTypeOf('number');
    pass(4999);
    expect(call('answered')).toBe(false);
    pass(1);
    expect(call('answered')).toBe(true);
    expect(breaker.state).toBe('closed');
  });

  test('is not closed, or opened again, by calls that began before', () => {
    const { breaker, calls, pass } = open();
    const early = [breaker.begin(), breaker.begin()] as number[];
    calls(20, 'failed');
    breaker.answered(early[0]!);
    expect(breaker.state).toBe('open');
    pass(1000);
    const probe = breaker.begin() as number;
    breaker.failed(early[1]!);
    expect(breaker.state).toBe('half-open');
    expect(breaker.begin()).toMatchObject({ publicDetails: { retryAfterMs: 1000 } });
    breaker.answered(probe);
    expect(breaker.state).toBe('closed');
  });
});

describe('what a call comes to', () => {
  const waited = { cancellation: new Cancellation(), deadlineAt: 5000, hadTime: true };
  const left = new Cancellation();
  left.cancel();
  const timeout = new UpstreamError('UPSTREAM_TIMEOUT', 'things');

  test.each([
    ['a lost connection', new UpstreamError('UPSTREAM_UNAVAILABLE', 'things'), waited, 'open'],
    ['a timeout', timeout, waited, 'open'],
    ['what nobody has foreseen', new Error('x'), waited, 'open'],
    ['a timeout of a call that had little time', timeout, { ...waited, hadTime: false }, 'closed'],
    ['a caller that left', timeout, { ...waited, cancellation: left }, 'closed'],
    ['an argument that nobody can be asked with', new HemError('BAD_ARGUMENT'), waited, 'open'],
    ['the same of this connector', new UpstreamError('BAD_ARGUMENT', 'things'), waited, 'closed'],
    ['a refusal', new UpstreamError('UPSTREAM_DENIED', 'things'), waited, 'closed'],
    ['too many that wait', new UpstreamError('UPSTREAM_LIMITED', 'things'), waited, 'closed'],
  ] as const)('%s', (_what, error, ended, state) => {
    const { breaker } = open({ calls: 1 });
    breaker.ended(breaker.begin() as number, error, ended);
    expect(breaker.state).toBe(state);
  });
});

test('never lets through more probes than it may, and always comes to let some through again', () => {
  const seed = Number(process.env.HEM_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  let random = seed;
  const next = (below: number): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (random >>> 8) % below;
  };
  for (let round = 0; round < 2000; round++) {
    const probes = 1 + next(3);
    const { breaker, pass } = open({ calls: 1 + next(5), pause: '100ms', maxPause: '400ms', probes });
    const running: Array<{ readonly begun: number; readonly state: BreakerState }> = [];
    for (let step = 0; step < 200; step++) {
      pass(next(60));
      if (next(2) === 0) {
        const begun = breaker.begin();
        if (typeof begun === 'number') running.push({ begun, state: breaker.state });
        else expect(breaker.state).not.toBe('closed');
      } else if (running.length > 0) {
        const [{ begun }] = running.splice(next(running.length), 1) as [(typeof running)[number]];
        breaker[(['answered', 'failed', 'gaveUp'] as const)[next(3)]!](begun);
      }
      const current = running.filter(
        ({ begun, state }) => state === 'half-open' && begun === running.at(-1)?.begun,
      );
      expect(current.length).toBeLessThanOrEqual(probes);
    }
    for (const { begun } of running) breaker.gaveUp(begun);
    pass(400);
    expect(breaker.begin()).toBeTypeOf('number');
  }
});
