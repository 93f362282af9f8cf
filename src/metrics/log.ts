/** The log: lines of JSON on standard output, by pino. What must not stand there is taken out of every line at one place. */
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import type { LogSettings } from '../load/settings/log-settings.ts';
import type { Scrub } from '../scrubber.ts';
import { StandardOutput } from './standard-output.ts';

/** Of the texts of an error. Backends write long ones. */
const MAX_CHARACTERS = 4000;

export interface Log extends Disposable {
  readonly log: Logger;
  /** One line per request; undefined where nobody wants them. */
  readonly requests: Logger | undefined;
}

/** @param given a log that is there already @param isQuiet whether people read what is written there: warnings only, unless hem.yml says otherwise */
export function openLog(
  settings: LogSettings,
  scrub: Scrub,
  { given, isQuiet = false }: { readonly given?: Logger | undefined; readonly isQuiet?: boolean } = {},
): Log {
  const level = settings.level ?? (isQuiet && settings.requests !== true ? 'warn' : 'info');
  const wanted = settings.requests ?? !process.stdout.isTTY;
  if (given !== undefined) {
    const requests = wanted && given.isLevelEnabled('info') ? given : undefined;
    return { log: given, requests, [Symbol.dispose]: () => {} };
  }
  const output = new StandardOutput();
  const log = loggerOn(output.now, level, scrub);
  return {
    log,
    requests: wanted && log.isLevelEnabled('info') ? loggerOn(output.gathered, level, scrub) : undefined,
    [Symbol.dispose]: () => output[Symbol.dispose](),
  };
}

function loggerOn(
  destination: DestinationStream,
  level: NonNullable<LogSettings['level']>,
  scrub: Scrub,
): Logger {
  return pino({ level, serializers: { err: bounded }, hooks: { streamWrite: scrub } }, destination);
}

/** As pino shows errors, with texts that end. */
function bounded(error: unknown): unknown {
  const shown: unknown = error instanceof Error ? stdSerializers.err(error) : error;
  if (typeof shown !== 'object' || shown === null) return shown;
  return Object.fromEntries(
    Object.entries(shown)
      // What a backend said of itself is for callers, where connector.yml says so; it may be anything. A command of Redis has what it was to
      // keep: answers, and passwords.
      .filter(([name]) => name !== 'detail' && name !== 'command')
      .map(([name, value]) => [name, typeof value === 'string' ? value.slice(0, MAX_CHARACTERS) : value]),
  );
}
