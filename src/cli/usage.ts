/** `hem usage`: who used which field, and which fields nobody used. Asks the store itself, so no gateway has to run. */
import { pino } from 'pino';
import { HemError } from '../errors.ts';
import { loadGeneration } from '../generation.ts';
import type { Environment } from '../load/environment.ts';
import { unusedFields } from '../metrics/client-fields.ts';
import { toCloudEvents } from '../metrics/usage-events.ts';
import { usageToJson } from '../metrics/usage-json.ts';
import { reportUsage, TooMuchUsage } from '../metrics/usage-report.ts';
import { type AskedUsage, checkNames, readUsageRequest, UsageMistake } from '../metrics/usage-request.ts';
import { openStore } from '../store/open.ts';
import { EXIT_UNUSABLE } from './exit-codes.ts';
import { unusedText, usageText } from './usage-text.ts';

export interface UsageOptions extends AskedUsage {
  readonly directory: string;
  readonly environment: Environment;
  readonly unused: boolean;
  readonly format: 'text' | 'json' | 'cloudevents';
}

export async function usage(options: UsageOptions): Promise<number> {
  const { directory, environment, unused, format } = options;
  const { configuration, views } = await loadGeneration(directory, environment);
  const { settings } = configuration;
  if (unused && format === 'cloudevents')
    return unusable('What nobody used makes no events; take --format json.');
  try {
    const request = readUsageRequest(options);
    const store = await openStore(settings.store, configuration.directory.root, pino({ level: 'silent' }));
    await using _closing = store;
    await reached(store);
    const report = await reportUsage(store.usage(), request, settings.usage).catch((error: unknown) => {
      if (error instanceof TooMuchUsage || error instanceof HemError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new UsageMistake(`The store (${store.kind}) does not say who used what: ${reason}`);
    });
    const schemas = views.map(({ client, schema }) => ({ client: client.name, schema }));
    checkNames(request, schemas, { report, wantsUnused: unused });
    if (format === 'cloudevents') console.log(JSON.stringify(toCloudEvents(report, settings.usage), null, 2));
    else if (format === 'json') {
      const fields = unused ? unusedFields(schemas, report, request) : undefined;
      console.log(JSON.stringify(usageToJson(report, fields), null, 2));
    } else
      console.log(
        unused
          ? unusedText(report, unusedFields(schemas, report, request))
          : usageText(report, { ...settings.usage, consumer: request.consumer }),
      );
    return 0;
  } catch (error) {
    if (error instanceof UsageMistake || error instanceof TooMuchUsage) return unusable(error.message);
    throw error;
  }
}

/** A moment after it was opened a store may not be connected yet. */
async function reached(store: { readonly isUp: boolean; readonly kind: string }): Promise<void> {
  const deadline = performance.now() + 2000;
  while (!store.isUp) {
    if (performance.now() > deadline)
      throw new UsageMistake(`The store (${store.kind}) cannot be reached; see "store" in hem.yml.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function unusable(text: string): number {
  console.error(`hem: ${text}`);
  return EXIT_UNUSABLE;
}
