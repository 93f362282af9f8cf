/** A plan as people read it: a tree of steps, coloured and as wide as the terminal; elsewhere plain and unbroken. */
import { styleText } from 'node:util';
import { parse, print } from 'graphql';
import type { DescribedStep, OperationDescription } from '../plan/describe.ts';
import { escapeControls } from '../problems.ts';

/** Of the names in one line; JSON has them all. */
const MAX_NAMES = 8;
const NARROWEST = 40;

/** @param more sentences on what callers need, and what it costs */
export function planAsText(description: OperationDescription, more: readonly string[]): string {
  const { client, name, operation } = description;
  const head = `${style('bold', `${client} · ${name ?? '(without a name)'}`)}, a ${operation}`;
  if (description.engine === 'reference') {
    const { reason } = description;
    return [
      head,
      ...wrap(`Runs on the reference engine, which answers the same, more slowly: ${reason}.`, ''),
      ...partsOf(description),
      ...more.flatMap((sentence) => wrap(sentence, '')),
    ].join('\n');
  }
  const { longestChain, steps } = description;
  return [
    head,
    ...wrap(boundOf(description), ''),
    ...(longestChain.calls < 2
      ? []
      : wrap(
          `Longest chain: ${longestChain.calls} calls, one after the other (${longestChain.steps.join(', ')}).`,
          '',
        )),
    ...partsOf(description),
    ...more.flatMap((sentence) => wrap(sentence, '')),
    ...(steps.length === 0 ? [] : ['', ...tree(toShown(steps), '', undefined)]),
  ].join('\n');
}

function boundOf({ operation, worstCase, steps }: OperationDescription & { engine: 'compiled' }): string {
  const { calls, formula, listLength } = worstCase;
  const per = operation === 'subscription' ? ' for each event' : '';
  if (calls === 0) return `No backend call${per}.`;
  const assumption = steps.some(standsInList)
    ? `, if every list has ${count(listLength, 'element')}${formula === String(calls) ? '' : `: ${formula}`}`
    : '';
  return `At most ${count(calls, 'backend call')}${per}${assumption}.`;
}

function standsInList({ at, calls, steps }: DescribedStep): boolean {
  return (calls !== null && at.includes('[]')) || steps.some(standsInList);
}

function partsOf({ inParts }: OperationDescription): readonly string[] {
  if (inParts === undefined) return [];
  const { reason, deferred } = inParts;
  return wrap(
    `For callers who take an answer in parts it runs on the reference engine: ${reason}. Deferred fragments and streamed lists, ten for each inside a list: ${deferred}.`,
    '',
  );
}

/** A step with the others that are shown and ask the same. */
interface ShownStep extends DescribedStep {
  readonly sharesWith: readonly string[];
  readonly steps: readonly ShownStep[];
}

function toShown(steps: readonly DescribedStep[]): readonly ShownStep[] {
  const groups = Map.groupBy(flat(steps), ({ group }) => group);
  const show = (step: DescribedStep): ShownStep => ({
    ...step,
    sharesWith:
      step.group === null
        ? []
        : groups
            .get(step.group)!
            .map(({ id }) => id)
            .filter((id) => id !== step.id),
    steps: shownBelow(step).map(show),
  });
  return steps.map(show);
}

function flat(steps: readonly DescribedStep[]): readonly DescribedStep[] {
  return steps.flatMap((step) => [step, ...flat(shownBelow(step))]);
}

/** What is the same as below another step is shown there, and nowhere else. */
function shownBelow({ sameBelowAs, steps }: DescribedStep): readonly DescribedStep[] {
  return sameBelowAs === undefined ? steps : [];
}

function tree(steps: readonly ShownStep[], indent: string, above: ShownStep | undefined): string[] {
  return steps.flatMap((step, index) => {
    const isLast = index === steps.length - 1;
    const stem = `${indent}${isLast ? '   ' : '│  '}`;
    const margin = `${stem}${step.steps.length > 0 ? '│  ' : '   '}`;
    return [
      `${indent}${isLast ? '└─' : '├─'} ${headOf(step)}`,
      ...wrap(
        `${capital([callsOf(step), startOf(step, above)].filter((text) => text !== '').join(', '))}.`,
        margin,
      ),
      ...wrap(`${capital(reasonOf(step))}.`, margin, 'dim'),
      ...documentOf(step, margin),
      ...(step.sameBelowAs === undefined
        ? []
        : wrap(`Below it the same as below ${step.sameBelowAs}.`, margin)),
      ...tree(step.steps, stem, step),
    ];
  });
}

function headOf({ id, label, on, connector, call, field }: DescribedStep): string {
  const what = `${label}${on === undefined || on === label ? '' : ` on ${on}`}`;
  const from = call === null ? `from ${field}` : call;
  return `${style('bold', id)}  ${what}  ${style('cyan', connector)}  ${escapeControls(from)}`;
}

function callsOf(step: ShownStep): string {
  const { kind, calls, at, objectsPerCall, callsAtOnce, conditional, sharesWith } = step;
  const condition = `${sharesWith.length === 0 ? '' : `, shared with ${listed(firstOf(sharesWith))}`}${conditional ? ', if @include or @skip says so' : ''}`;
  if (kind === 'stream') return `one subscription${condition}`;
  if (calls === null) return `no call${condition}`;
  if (!at.includes('[]')) return `one call${condition}`;
  if (calls === '1') return `one call for all of ${at}, up to ${objectsPerCall}${condition}`;
  return objectsPerCall === 1
    ? `one call for each of ${at}, those that ask the same once, ${callsAtOnce} at a time${condition}`
    : `one call for every ${objectsPerCall} of ${at}, ${callsAtOnce} at a time${condition}`;
}

/** What it waits for: the step above it to answer, or those beside it to end. */
function startOf({ after, ahead }: DescribedStep, above: DescribedStep | undefined): string {
  if (ahead && above !== undefined) return `at the same time as ${above.id}, which is given the key`;
  if (after.length > 0) return `after ${listed(after)}`;
  return above === undefined ? 'at once' : `after ${above.id}`;
}

function reasonOf({ label, wantedBy, why }: DescribedStep): string {
  if (wantedBy.length === 1 && wantedBy[0] === label) return why;
  return `for ${listed(firstOf(wantedBy))}: ${why}`;
}

function firstOf(names: readonly string[]): readonly string[] {
  const rest = names.length - MAX_NAMES;
  return rest > 0 ? [...names.slice(0, MAX_NAMES), `${rest} more`] : names;
}

function documentOf({ document }: DescribedStep, margin: string): readonly string[] {
  if (document === undefined) return [];
  return print(parse(document))
    .split('\n')
    .map((line) => `${margin}  ${style('dim', line)}`.trimEnd());
}

/** Breaks a line at words where the output is a terminal. */
function wrap(text: string, margin: string, format?: 'dim'): readonly string[] {
  const { columns } = process.stdout;
  const width =
    process.stdout.isTTY && columns > 0
      ? Math.max(NARROWEST, columns) - margin.length
      : Number.POSITIVE_INFINITY;
  const lines: string[] = [];
  let line = '';
  for (const word of escapeControls(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((part) => `${margin}${format === undefined ? part : style(format, part)}`);
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Leaves the text as it is unless stdout is a terminal that wants colours. */
function style(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout });
}
