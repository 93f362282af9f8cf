/** How often something took how long. One object per series, made before the request that it is asked of. */

/** Upper bounds of buckets, in milliseconds; what takes longer is in one more. */
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/** As Prometheus reads them. */
export const BOUNDS_SECONDS: readonly number[] = BOUNDS_MS.map((ms) => ms / 1000);

export class Histogram {
  /** Of each bucket by itself. */
  readonly counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0);
  sumMs = 0;

  observe(ms: number): void {
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && ms > BOUNDS_MS[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sumMs += ms;
  }
}

/** How often something happened. */
export class Counter {
  value = 0;
}
