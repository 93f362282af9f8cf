/**
 * Milliseconds since 1970, by a clock that never steps: it counts durations, and follows the machine's clock by at most two
 * thousandths. Where that one is set forward or back by minutes, no window and no period is shorter or comes twice.
 */
const FOLLOWED = 1 / 500;
/** The machine slept, or its clock was never right before. */
const SLEPT_MS = 3_600_000;

export type Clock = () => number;

export function steadyClock(
  wall: Clock = Date.now,
  monotonic: Clock = performance.now.bind(performance),
): Clock {
  let at = monotonic();
  let time = wall();
  return () => {
    const elapsed = Math.max(0, monotonic() - at);
    at += elapsed;
    time += elapsed;
    const difference = wall() - time;
    const most = Math.abs(difference) > SLEPT_MS ? Infinity : elapsed * FOLLOWED;
    time += Math.max(-most, Math.min(most, difference));
    return Math.floor(time);
  };
}
