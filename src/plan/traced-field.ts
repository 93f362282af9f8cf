/** Which connector's field a step of a trace called, whichever engine ran. */
import type { TracedStep } from '../execute/trace.ts';
import type { ConnectorField } from '../load/model.ts';
import type { Step } from './plan.ts';

/** Undefined for a step that calls nothing. */
export function tracedField({
  what,
}: Pick<TracedStep, 'what'>): { readonly connector: string; readonly coordinate: string } | undefined {
  const traced = what as Step | ConnectorField;
  if ('coordinate' in traced)
    return { connector: traced.owner.connector.name, coordinate: traced.coordinate };
  const { kind, connector, field } = traced.what;
  return kind === 'objects' ? undefined : { connector, coordinate: field };
}
