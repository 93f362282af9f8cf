/** What a list of limits says against itself, beyond its shape. The same for plans, clients and the whole gateway. */
import type { Problem, Problems } from '../problems.ts';
import { algorithmOf, type LimitSettings, PERIODS } from './limit-settings.ts';
import type { YamlFile } from './yaml.ts';

type Path = readonly (string | number)[];
type Report = (path: Path, problem: Omit<Problem, 'at'>) => void;

/** Of a file that has them under `quotas`. */
export function reportLimits(yaml: YamlFile, limits: readonly LimitSettings[], problems: Problems): void {
  checkLimits(limits, (path, problem) =>
    problems.report({ at: yaml.placeOf(['quotas', ...path]), ...problem }),
  );
}

/** @param report with paths within the list */
export function checkLimits(limits: readonly LimitSettings[], report: Report): void {
  for (const [index, limit] of limits.entries()) {
    const first = limits.findIndex(({ name }) => name === limit.name);
    if (first !== index)
      report([index, 'name'], {
        rule: 'limit-name',
        message: 'Two limits of this list have one name: answers and metrics could not tell them apart.',
        found: limit.name,
        hint: `the other is number ${first + 1}`,
      });
    const ofThis: Report = (path, problem) => report([index, ...path], problem);
    if (checkUnit(limit, ofThis)) checkPeriod(limit, ofThis);
    checkBurst(limit, ofThis);
    checkClaim(limit, ofThis);
    if (limit.shadow && limit.delay !== undefined)
      ofThis(['delay'], {
        rule: 'limit-delay',
        message: 'A limit that only counts holds nobody back.',
        found: '"shadow: true" and "delay"',
        hint: 'remove one of them',
      });
  }
}

/** Whether the rest of a limit can be judged. What runs at one time is counted by leases, everything else over time. */
function checkUnit({ unit, algorithm, per }: LimitSettings, report: Report): boolean {
  const atOneTime = unit === 'concurrent';
  if (algorithm !== undefined && (algorithm === 'concurrency') !== atOneTime) {
    report(['algorithm'], {
      rule: 'limit-algorithm',
      message: atOneTime
        ? 'How much runs at the same time is not counted over time.'
        : '"concurrency" counts what runs at the same time, nothing else.',
      found: `"algorithm: ${algorithm}" for "unit: ${unit}"`,
      expected: atOneTime
        ? '"algorithm: concurrency", or none'
        : '"unit: concurrent", or rate, quota or rolling',
    });
    return false;
  }
  if (atOneTime && per !== undefined)
    report(['per'], {
      rule: 'limit-period',
      message: 'How much runs at the same time has no period.',
      found: typeof per === 'number' ? `${per / 1000} s` : per,
      hint: 'remove "per"',
    });
  return !atOneTime;
}

function checkPeriod({ name, algorithm, per }: LimitSettings, report: Report): void {
  const calendar = PERIODS.join(', ');
  if (per === undefined) {
    report([], {
      rule: 'limit-period',
      message: `The limit "${name}" does not say per what time it is.`,
      expected: `"per" with a duration such as 10s, or for a quota one of ${calendar}`,
    });
  } else if (per === 0) {
    report(['per'], {
      rule: 'limit-period',
      message: 'In no time at all nothing can be counted.',
      found: '0 s',
      expected: 'a duration such as 10s',
    });
  } else if (algorithm === 'quota' && typeof per === 'number') {
    report(['per'], {
      rule: 'limit-period',
      message: 'A quota begins anew with each calendar period.',
      found: `a duration of ${per / 1000} s`,
      expected: calendar,
      hint: 'for any time of this length say "algorithm: rolling"',
    });
  } else if (algorithm !== undefined && algorithm !== 'quota' && typeof per === 'string') {
    report(['per'], {
      rule: 'limit-period',
      message: `"${algorithm}" looks at a time of one length; calendar periods are for quotas.`,
      found: per,
      expected: 'a duration such as 10s',
      hint: per === 'month' ? 'say "algorithm: quota"' : `say "${DURATIONS[per]}", or "algorithm: quota"`,
    });
  }
}

const DURATIONS = { minute: '1m', hour: '1h', day: '1d', week: '7d' } as const;

function checkBurst(limit: LimitSettings, report: Report): void {
  const { burst } = limit;
  if (burst === undefined) return;
  const counted = algorithmOf(limit);
  if (counted === 'rate') return;
  report(['burst'], {
    rule: 'limit-burst',
    message: `All of a limit by "${counted}" may come at once.`,
    found: `burst: ${burst}`,
    expected: '"burst" with "algorithm: rate" only',
    hint: 'remove "burst", or add a limit for a shorter time',
  });
}

function checkClaim({ by, claim }: LimitSettings, report: Report): void {
  if ((by === 'claim') === (claim !== undefined)) return;
  report([by === 'claim' ? 'by' : 'claim'], {
    rule: 'limit-claim',
    message:
      by === 'claim'
        ? '"by: claim" does not say which claim.'
        : 'The claim is not used: the limit is by something else.',
    found: by === 'claim' ? undefined : `"by: ${by}"`,
    expected: by === 'claim' ? '"claim", such as "claim: sub"' : '"by: claim"',
  });
}
