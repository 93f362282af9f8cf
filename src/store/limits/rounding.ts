/** What the algorithms agree on where numbers and clocks are not exact. */

/** Parts of a unit that come from rounding, and are not worth a refusal. */
export const SLACK = 1e-6;

/** A usage that lies further ahead was written by a clock that was wrong; it is brought to now, and counts on from there. */
export const MAX_AHEAD_MS = 3_600_000;
