/** Why a change is refused, in words for those who asked for it. */
import { HemError } from '../errors.ts';
import { didYouMean } from '../problems.ts';

/** @param candidates names that may be told to whoever asks */
export function notFound(what: string, name: string, candidates: Iterable<string> = []): HemError {
  const hint = didYouMean(name, candidates);
  const publicText =
    `There is no ${what} "${name.slice(0, 80)}"${hint === undefined ? '' : `; ${hint}`}.`.replace('?.', '?');
  return new HemError('NOT_FOUND', { publicText });
}

export function conflict(publicText: string): HemError {
  return new HemError('CONFLICT', { publicText });
}

export function unfit(publicText: string): HemError {
  return new HemError('BAD_REQUEST', { publicText });
}
