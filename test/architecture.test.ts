/**
 * Folders of `src` are phases, and imports go one way: from the process and its doors down to the mapping. The table is the rule;
 * when it has to change, say why in the commit.
 */
import { describe, expect, test } from 'vitest';
import { type Import, importsOf, sourceFiles } from './support/imports.ts';

/** What every phase may use. */
const BOTTOM = [
  'problems',
  'errors',
  'units',
  'timeouts',
  'cancellation',
  'flights',
  'lazy',
  'tag-clock',
  'bounded-cache',
  'call-context',
  'decoded-text',
  'scrubber',
  'json-object',
  'bare-object',
  'gathered-bytes',
];
/** What settings of all kinds are made of. */
const SETTINGS = [
  'connectors/breaker-settings',
  'connectors/header-settings',
  'connectors/identity-settings',
  'connectors/signing-key',
  'connectors/tls-settings',
];
/** The contract of connector kinds: types and settings, no kind. */
const CONTRACT = ['connectors/kind', 'connectors/settings', ...SETTINGS];
const LOADED = [...BOTTOM, ...CONTRACT, 'mapping', 'load'];
const VIEWED = [...LOADED, 'graph', 'views'];
const SERVED = [
  ...VIEWED,
  'execute',
  'plan',
  'store',
  'consumers',
  'principal',
  'limits',
  'cache',
  'metrics',
  'operation',
];

/** A phase, by file or folder below `src`, and what it may import besides itself. The longest name that fits a file is its phase. */
const PHASES: Readonly<Record<string, readonly string[]>> = {
  problems: [],
  errors: [],
  units: [],
  timeouts: [],
  cancellation: [],
  flights: ['cancellation'],
  lazy: [],
  'tag-clock': [],
  // Both the gateway's own cache and those of backends keep within bounds, and tell the metrics how full they are.
  'bounded-cache': [],
  // What a caller brings along goes through all phases.
  'call-context': ['cancellation'],
  // Both the log and what callers are told of backends' errors.
  scrubber: ['decoded-text'],
  'decoded-text': [],
  'json-object': [],
  // Names that others have chosen are in variables, arguments and keys of all phases.
  'bare-object': [],
  // Callers and backends alike may send their bytes one by one.
  'gathered-bytes': [],
  mapping: [...BOTTOM],
  'connectors/kind': [...BOTTOM, 'mapping', 'upstream', 'connectors/settings'],
  'connectors/settings': [...BOTTOM, ...SETTINGS],
  'connectors/identity-settings': [...BOTTOM, ...SETTINGS],
  'connectors/breaker-settings': [...BOTTOM],
  'connectors/header-settings': [...BOTTOM],
  'connectors/signing-key': [...BOTTOM],
  'connectors/tls-settings': [...BOTTOM],
  // What backends are told of callers is made by templates.
  upstream: [...BOTTOM, ...CONTRACT, 'mapping'],
  connectors: [...BOTTOM, ...CONTRACT, 'mapping', 'upstream'],
  load: [...BOTTOM, ...CONTRACT, 'mapping', 'connectors'],
  // Opens what was loaded.
  connections: [...LOADED, 'connectors', 'upstream'],
  graph: [...LOADED],
  views: [...LOADED, 'graph'],
  execute: [...VIEWED],
  // The reference engine stands by itself; the compiled one shares its parts.
  plan: [...VIEWED, 'execute'],
  // Knows nothing of what is kept in it.
  store: [...BOTTOM, 'load'],
  // Who may call by contract: consumers, their subscriptions to plans, their keys.
  consumers: [...BOTTOM, 'load', 'store'],
  // Who asks; what they may see is the operation's to say.
  principal: [...BOTTOM, 'load', 'consumers'],
  limits: [...BOTTOM, 'load', 'store', 'consumers', 'principal'],
  cache: [...BOTTOM, 'mapping', 'load', 'store', 'principal'],
  // Watches the calls that connectors make.
  metrics: [...BOTTOM, ...CONTRACT, 'mapping', 'load', 'store', 'principal'],
  operation: [...VIEWED, 'execute', 'plan', 'consumers', 'principal', 'limits', 'cache', 'metrics'],
  doors: [...SERVED],
  admin: [...SERVED, 'doors'],
  generation: [...SERVED, 'connectors'],
  // The composition root: everything but the command line.
  // Opens what was loaded, and what is not configured anew with it.
  services: [...SERVED, 'connectors', 'upstream', 'connections', 'generation'],
  endpoints: [...SERVED, 'connectors', 'generation', 'services'],
  gateway: [...SERVED, 'connectors', 'doors', 'admin', 'generation', 'services', 'endpoints'],
  // Reads and changes what the store keeps, whether a gateway runs or not.
  cli: [
    ...VIEWED,
    'store',
    'consumers',
    'plan',
    'metrics',
    'operation',
    'connectors',
    'generation',
    'gateway',
  ],
  main: ['cli'],
};

const files = sourceFiles('src');
const imports = files.flatMap(importsOf);

describe('imports within src', () => {
  test('every file belongs to a phase', () => {
    expect(files.filter((file) => phaseOf(file) === undefined)).toEqual([]);
  });

  test('go down', () => {
    const wrong = inside(imports).filter(({ file, target }) => {
      const [from, to] = [phaseOf(file), phaseOf(target)];
      return from !== undefined && to !== from && !(to !== undefined && PHASES[from]!.includes(to));
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test('stay within src, but for the demo that the command line can start', () => {
    const wrong = imports.filter(({ file, target }) => {
      if (target === undefined || target.startsWith('src/')) return false;
      return !(file.startsWith('src/cli/') && target.startsWith('demo/'));
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test('do not run in circles', () => {
    expect(circles(inside(imports).filter(({ typeOnly }) => !typeOnly))).toEqual([]);
  });

  test('of one connector kind do not reach into another; only the registry knows them', () => {
    const wrong = inside(imports).filter(({ file, target }) => {
      const kind = kindOf(target);
      return kind !== undefined && kind !== kindOf(file) && file !== 'src/connectors/registry.ts';
    });
    expect(wrong.map(describeImport)).toEqual([]);
  });
});

type Inner = Import & { readonly target: string };

function inside(list: readonly Import[]): readonly Inner[] {
  return list.filter((entry): entry is Inner => entry.target?.startsWith('src/') ?? false);
}

function phaseOf(file: string): string | undefined {
  const path = file.replace(/^src\//, '').replace(/\.ts$/, '');
  return Object.keys(PHASES)
    .filter((phase) => path === phase || path.startsWith(`${phase}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** The kind whose folder a file is in. */
function kindOf(file: string): string | undefined {
  return /^src\/connectors\/([^/]+)\//.exec(file)?.[1];
}

function describeImport({ file, line, specifier }: Import): string {
  return `${file}:${line} imports ${specifier}`;
}

/** Each circle once, as "a → b → a". */
function circles(list: readonly Inner[]): readonly string[] {
  const targets = new Map<string, string[]>();
  for (const { file, target } of list) targets.set(file, [...(targets.get(file) ?? []), target]);
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start !== -1) found.push([...trail.slice(start), file].join(' → '));
    if (start !== -1 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return found;
}
