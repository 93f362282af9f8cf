// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of sources stand in them
/**
 * Whether the oracles would notice: the planner with one mistake in it, in a copy of the sources, against the same random cases.
 * By itself (`node test/oracle/mutations.ts`) this file tries all of them.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Mutation {
  readonly name: string;
  /** Below `src/plan`. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'conditions by variables are dropped',
    file: 'collect.ts',
    from: 'if (conditions !== undefined && conditions.get(value.name.value) !== wanted)',
    to: 'if (conditions === undefined)',
  },
  {
    name: 'literal conditions are dropped',
    file: 'collect.ts',
    from: 'if (value?.kind === Kind.BOOLEAN && value.value !== wanted)',
    to: 'if (value === undefined)',
  },
  {
    name: 'what a repeated field adds is lost',
    file: 'collect.ts',
    from: 'known.nodes.push(node);',
    to: '',
  },
  {
    name: 'a type condition on an abstract type always applies',
    file: 'collect.ts',
    from: 'return isAbstractType(conditional) && schema.isSubType(conditional, this.#type);',
    to: 'return isAbstractType(conditional);',
  },
  {
    name: 'one plan for all values of the conditions',
    file: 'variants.ts',
    from: "id += value ? '1' : '0';",
    to: "id += '0';",
  },
  {
    name: 'a failed item does not fail its list',
    file: 'complete.ts',
    from: 'if (one === FAILED) failed = true;',
    to: '',
  },
  {
    name: 'null passes as non-null',
    file: 'complete.ts',
    from: 'return completed === null',
    to: 'return completed === undefined',
  },
  {
    name: 'a nullable field takes its parent along',
    file: 'complete.ts',
    from: 'return completed === FAILED ? null : completed;',
    to: 'return completed;',
  },
  {
    name: 'errors in lists are all at index 0',
    file: 'complete.ts',
    from: 'key: index }',
    to: 'key: 0 }',
  },
  {
    name: 'enum values keep their wire names',
    file: 'complete.ts',
    from: 'const value = fromWire(connector, graphName, raw);',
    to: 'const value = fromWire(connector, "", raw);',
  },
  {
    name: 'enum values keep their graph names',
    file: 'complete.ts',
    from: 'if (viewType?.enumToView === undefined) return value;',
    to: 'if (viewType?.enumToView !== null) return value;',
  },
  {
    name: 'hidden members of a union are null without an error',
    file: 'complete.ts',
    from: 'return value.plan === undefined ? hidden(run, path)',
    to: 'return value.plan === undefined ? null',
  },
  {
    name: 'the fields come in another order',
    file: 'project.ts',
    from: "properties.join(', ')",
    to: "properties.toReversed().join(', ')",
  },
  {
    name: '__proto__ is a prototype',
    file: 'project.ts',
    from: "responseKey === '__proto__' ?",
    to: "responseKey === '' ?",
  },
  {
    name: 'any number passes as Int',
    file: 'project.ts',
    from: '((${name} | 0) === ${name})',
    to: "(typeof ${name} === 'number')",
  },
  {
    name: 'steps do not wait for each other',
    file: 'steps.ts',
    from: 'waits.length === 0 ? step.run',
    to: 'waits.length >= 0 ? step.run',
  },
  {
    name: 'calls of different parents are shared',
    file: 'steps.ts',
    from: 'JSON.stringify([work.required.length === 0 ? null : args, parent])',
    to: 'JSON.stringify([work.required.length === 0 ? null : args])',
  },
  {
    name: 'keys are compared as the backend writes them',
    file: 'steps.ts',
    from: 'map((record) => [canonical(keyOf(record)), record])',
    to: 'map((record) => [JSON.stringify(keyOf(record)), record])',
  },
  {
    name: 'batched records are matched by position',
    file: 'steps.ts',
    from: 'found.get(canonical(args[name])) ?? null',
    to: '[...found.values()][index] ?? null',
  },
  {
    name: 'calls with different arguments are shared',
    file: 'object-builder.ts',
    from: 'const id = `${field.coordinate} ${asked.key}`;',
    to: 'const id = field.coordinate;',
  },
  {
    name: 'fallbacks are forgotten',
    file: 'object-builder.ts',
    from: '  if (fallback === undefined) return undefined;\n',
    to: '  if (fallback !== null) return undefined;\n',
  },
  {
    name: 'a missing entity is no error where a field is not nullable',
    file: 'object-builder.ts',
    from: 'return routed ? absent(field) : null;',
    to: 'return routed ? null : null;',
  },
  {
    name: 'stubs are read by the names of records',
    file: 'object-builder.ts',
    from: 'if (origin?.only !== undefined) return byKey(field.name);',
    to: '',
  },
  {
    name: 'equal fields with other arguments share one key of a record',
    file: 'compile.ts',
    from: "`${type.name}.${viewField.name}(${given.map(print).sort().join(' ')})`",
    to: '`${type.name}.${viewField.name}`',
  },
  {
    name: 'variables in arguments are ignored',
    file: 'arguments.ts',
    from: 'if (!given.some(({ value }) => hasVariable(value))) {',
    to: 'if (given.length > 0) {',
  },
];

export interface Trial {
  readonly caught: boolean;
  readonly said: string;
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** @throws when the mutation's text is not, or not once, in the file */
export async function tryMutation(mutation: Mutation, seed: number, cases: number): Promise<Trial> {
  const copy = await mkdtemp(join(tmpdir(), 'hem-mutant-'));
  try {
    await cp(join(REPOSITORY, 'src'), join(copy, 'src'), { recursive: true });
    await cp(join(REPOSITORY, 'test/oracle'), join(copy, 'test/oracle'), { recursive: true });
    await cp(join(REPOSITORY, 'package.json'), join(copy, 'package.json'));
    await symlink(join(REPOSITORY, 'node_modules'), join(copy, 'node_modules'));
    const file = join(copy, 'src/plan', mutation.file);
    const text = await readFile(file, 'utf8');
    if (text.split(mutation.from).length !== 2)
      throw new Error(`"${mutation.name}" does not fit ${mutation.file} any more`);
    await writeFile(
      file,
      text.replace(mutation.from, () => mutation.to),
    );
    const script = join(copy, 'test/oracle/mutant.ts');
    const options = { cwd: copy, timeout: 60_000 + cases * 100, maxBuffer: 1_000_000 };
    return await run(process.execPath, [script, String(seed), String(cases)], options).then(
      ({ stdout }) => ({ caught: true, said: stdout.trim() }),
      (error: { stdout?: string; message: string }) => ({
        caught: false,
        said: error.stdout?.trim() || error.message,
      }),
    );
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const seed = Number(process.env.HEM_ORACLE_SEED ?? 1);
  for (const mutation of MUTATIONS) {
    const { caught, said } = await tryMutation(mutation, seed, 2000);
    console.log(`${caught ? 'caught' : 'MISSED'}  ${mutation.name}: ${said}`);
    if (!caught) process.exitCode = 1;
  }
}
