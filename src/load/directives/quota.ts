/** `@quota`: how often operations may ask for a field. */
import type { ConstDirectiveNode } from 'graphql';
import { didYouMean } from '../../problems.ts';
import { formatDuration, parseDuration } from '../../units.ts';
import { type PARTITIONS, PERIODS } from '../settings/limit-settings.ts';
import type { DirectiveReader } from './directive-reader.ts';

export interface Quota {
  /** Whose it is: equal for all clients where a connector says it. */
  readonly scope: string;
  /** `Type.field`, where it stands. */
  readonly coordinate: string;
  /** The coordinate, and what tells it from others that stand there. */
  readonly name: string;
  /** Among those that stand there. */
  readonly index: number;
  readonly limit: number;
  /** A calendar period (UTC), or any so many milliseconds. */
  readonly window: (typeof PERIODS)[number] | number;
  readonly by: (typeof PARTITIONS)[number];
  readonly claim: string | undefined;
}

type Annotated = {
  readonly directives?: readonly ConstDirectiveNode[] | undefined;
};

const MAX_WINDOW_MS = 400 * 24 * 3_600_000;

/** Of one field, in its order. */
export function readQuotas(
  node: Annotated | null | undefined,
  { coordinate, scope }: Pick<Quota, 'coordinate' | 'scope'>,
  reader: DirectiveReader,
): readonly Quota[] {
  const found = (node?.directives ?? []).filter(({ name }) => name.value === 'quota');
  const quotas = found.flatMap((directive, index) => {
    // One at a time: there may be several.
    const values = reader.values('quota', { directives: [directive] }) as
      | {
          readonly limit: number;
          readonly window: string;
          readonly per: string;
          readonly claim?: string | null;
        }
      | undefined;
    if (values === undefined) return [];
    const { limit, window, claim } = values;
    const by = values.per.toLowerCase() as Quota['by'];
    const period = PERIODS.find((name) => name === window);
    const windowMs = parseDuration(window);
    if (limit < 1)
      reader.report(
        directive,
        {
          rule: 'quota-limit',
          message: `Nobody could ever ask for ${coordinate}.`,
          found: String(limit),
          expected: '1 or more',
          hint: 'if nobody may see it, leave it out of the schema, or use @inaccessible',
        },
        ['limit'],
      );
    if (period === undefined && !(windowMs !== undefined && windowMs >= 1 && windowMs <= MAX_WINDOW_MS))
      reader.report(
        directive,
        {
          rule: 'quota-window',
          message: `The window of this quota cannot be read.`,
          found: JSON.stringify(window.slice(0, 40)),
          expected: `${PERIODS.join(', ')} (of the calendar, UTC), or a duration such as "10s" or "5m"`,
          ...(didYouMean(window, PERIODS) === undefined ? {} : { hint: didYouMean(window, PERIODS)! }),
        },
        ['window'],
      );
    if ((by === 'claim') !== (typeof claim === 'string' && claim !== ''))
      reader.report(
        directive,
        {
          rule: 'quota-claim',
          message:
            by === 'claim'
              ? 'A quota per claim says which claim.'
              : 'A quota has a claim only where it is counted per claim.',
          expected: 'per: CLAIM, claim: "…", or neither',
        },
        ['claim'],
      );
    return [
      { scope, coordinate, index, limit, window: period ?? windowMs ?? 1, by, claim: claim ?? undefined },
    ];
  });
  return quotas.map((quota) => ({ ...quota, name: nameAmong(quota, quotas, coordinate) }));
}

type Told = Pick<Quota, 'window' | 'by'>;

/** What may tell quotas of one field apart, the shortest first. */
const DISTINCTIONS: ReadonlyArray<(quota: Told) => string> = [
  ({ window }) => windowText(window),
  ({ window, by }) => `${windowText(window)}/${by}`,
];

/**
 * The coordinate alone, where there is no other: else `Query.report/day`; `Query.report/day/ip` where windows do not tell them apart, and
 * `Query.report/2` where nothing does.
 * @param all quotas of one field, in their order
 */
export function nameAmong<One extends Told>(quota: One, all: readonly One[], coordinate: string): string {
  // A path that goes through a field twice has its quotas twice.
  const among = [...new Set(all)];
  if (among.length < 2) return coordinate;
  const distinction = DISTINCTIONS.find((tell) => new Set(among.map(tell)).size === among.length);
  return `${coordinate}/${distinction?.(quota) ?? among.indexOf(quota) + 1}`;
}

function windowText(window: Quota['window']): string {
  return typeof window === 'number' ? formatDuration(window) : window;
}
