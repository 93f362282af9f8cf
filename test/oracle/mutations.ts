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

/** One mistake. It is made around a function where possible: that holds whatever the function looks like inside. */
export interface Mutation {
  readonly name: string;
  /** Below `src/plan`. */
  readonly file: string;
  readonly change: Around | Text;
}

/** A function at the top level of the file becomes another one. */
interface Around {
  readonly around: string;
  /** An expression that takes the function and gives the other. It sees what the file imports. */
  readonly by: string;
}

interface Text {
  /** Must stand in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'conditions by variables are dropped',
    file: 'collect.ts',
    change: {
      around: 'collectFields',
      by: '(collect) => (fragments, ...rest) => collect({ ...fragments, conditions: undefined }, ...rest)',
    },
  },
  {
    name: 'literal conditions are dropped',
    file: 'collect.ts',
    change: {
      from: 'if (value?.kind === Kind.BOOLEAN && value.value !== wanted)',
      to: 'if (value === undefined)',
    },
  },
  {
    name: 'what a repeated field adds is lost',
    file: 'collect.ts',
    change: {
      around: 'collectFields',
      by: '(collect) => (...given) => collect(...given).map((field) => ({ ...field, nodes: field.nodes.slice(0, 1) }))',
    },
  },
  {
    name: 'a type condition on an abstract type always applies',
    file: 'collect.ts',
    change: {
      around: 'collectFields',
      by: `(collect) => (fragments, ...rest) => {
        const schema = Object.create(fragments.schema, { isSubType: { value: () => true } });
        return collect({ ...fragments, schema }, ...rest);
      }`,
    },
  },
  {
    name: 'one plan for all values of the conditions',
    file: 'variants.ts',
    change: { from: "id += value ? '1' : '0';", to: "id += '0';" },
  },
  {
    name: 'a failed item does not fail its list',
    file: 'complete.ts',
    change: { from: 'if (one === FAILED) return FAILED;', to: '' },
  },
  {
    name: 'null passes as non-null',
    file: 'complete.ts',
    change: {
      around: 'compileComplete',
      by: '(compile) => (type, ...rest) => compile(isNonNullType(type) ? type.ofType : type, ...rest)',
    },
  },
  {
    name: 'a nullable field takes its parent along',
    file: 'complete.ts',
    change: {
      around: 'compileComplete',
      by: `(compile) => (type, ...rest) => {
        const complete = compile(type, ...rest);
        return (value, ...at) => {
          const completed = complete(value, ...at);
          return completed === null && value instanceof Error ? FAILED : completed;
        };
      }`,
    },
  },
  {
    name: 'errors in lists are all at index 0',
    file: 'run.ts',
    change: {
      around: 'pathToArray',
      by: '(toArray) => (...given) => toArray(...given).map((key) => (typeof key === "number" ? 0 : key))',
    },
  },
  {
    name: 'enum values keep their wire names',
    file: 'complete.ts',
    change: {
      around: 'compileComplete',
      by: `(compile) => (type, facts) => {
        const types = [...facts.connector.types].map(([name, known]) => [name, { ...known, wire: undefined }]);
        return compile(type, { ...facts, connector: { ...facts.connector, types: new Map(types) } });
      }`,
    },
  },
  {
    name: 'enum values keep their graph names',
    file: 'complete.ts',
    change: {
      around: 'compileComplete',
      by: `(compile) => (type, facts) => {
        const types = [...facts.view.types].map(([name, known]) => [name, { ...known, enumToView: undefined }]);
        return compile(type, { ...facts, view: { ...facts.view, types: new Map(types) } });
      }`,
    },
  },
  {
    name: 'hidden members of a union are null without an error',
    file: 'failures.ts',
    change: {
      around: 'report',
      by: "(report) => (run, facts, error, path) => ((typeof error === 'function' ? error() : error)?.code === 'HIDDEN_VALUE' ? null : report(run, facts, error, path))",
    },
  },
  {
    name: 'the fields come in another order',
    file: 'project.ts',
    change: {
      around: 'compileProjection',
      by: '(compile) => (fields, ...rest) => compile(fields.toReversed(), ...rest)',
    },
  },
  {
    name: '__proto__ is a prototype',
    file: 'project.ts',
    change: {
      around: 'compileProjection',
      by: "(compile) => (fields, ...rest) => compile(fields.filter(({ responseKey }) => responseKey !== '__proto__'), ...rest)",
    },
  },
  {
    name: 'any number passes as Int',
    file: 'field-projection.ts',
    change: {
      around: 'acceptsOf',
      by: "(accepts) => (...given) => (accepts(...given) === 'int' ? 'float' : accepts(...given))",
    },
  },
  {
    name: 'steps do not wait for each other',
    file: 'steps.ts',
    change: {
      around: 'fetchObjects',
      by: '(fetch) => (steps, ...rest) => fetch(steps.map((step) => ({ ...step, after: [] })), ...rest)',
    },
  },
  {
    name: 'calls of different parents are shared',
    file: 'step-calls.ts',
    change: {
      around: 'runCalls',
      by: `(calls) => (work, ...rest) => {
        const first = [];
        const parent = work.parent.map(({ name, value }, index) => ({
          name,
          value: (...at) => (first[index] ??= value(...at)),
        }));
        return calls({ ...work, parent }, ...rest);
      }`,
    },
  },
  {
    name: 'keys are compared as the backend writes them',
    file: 'object-steps.ts',
    change: { around: 'keyText', by: '() => (key) => JSON.stringify(key)' },
  },
  {
    name: 'batched records are matched by position',
    file: 'step-lookups.ts',
    change: {
      around: 'askList',
      by: `(ask) => (work, ...rest) => {
        let [records, keys] = [0, 0];
        const recordKey = {
          read: () => ({ at: records++ }),
          textOf: (key) => String(key?.at ?? keys++),
        };
        return ask({ ...work, recordKey }, ...rest);
      }`,
    },
  },
  {
    name: 'what was asked ahead counts for whatever object comes',
    file: 'step-lookups.ts',
    change: { from: 'ahead?.text !== textOf(keys[0])', to: 'ahead === undefined' },
  },
  {
    name: 'calls with different arguments are shared',
    file: 'object-steps.ts',
    change: {
      from: 'const id = `${field.coordinate} ${asked.key}`;',
      to: 'const id = field.coordinate;',
    },
  },
  {
    name: 'fallbacks are forgotten',
    file: 'have.ts',
    change: { around: 'fallbackGuard', by: '() => () => undefined' },
  },
  {
    name: 'fallbacks leave no trace',
    file: 'have.ts',
    change: {
      around: 'fallbackGuard',
      by: `(guard) => (field) => {
        const put = guard(field);
        return put && ((value, { execution }) => put(value, { execution: { ...execution, fallbacks: [] } }));
      }`,
    },
  },
  {
    name: 'a missing entity is no error where a field is not nullable',
    file: 'have.ts',
    change: {
      around: 'readSlot',
      by: '(read) => (cell, slot, have) => read(cell, slot, { ...have, routed: false })',
    },
  },
  {
    name: 'stubs are read by the names of records',
    file: 'have.ts',
    change: { around: 'readerOf', by: '(reader) => (field, key) => reader(field, key, undefined)' },
  },
  {
    name: 'equal fields with other arguments share one key of a record',
    file: 'field-arguments.ts',
    change: {
      from: "`${type.name}.${viewField.name}(${given.map(print).sort().join(' ')})`",
      to: '`${type.name}.${viewField.name}`',
    },
  },
  {
    name: 'what is below two fields is planned once, whatever is selected',
    file: 'collect.ts',
    change: { around: 'identitiesOf', by: '() => () => []' },
  },
  {
    name: 'variables in arguments are ignored',
    file: 'arguments.ts',
    change: { around: 'hasVariable', by: '() => () => false' },
  },
  {
    name: 'the arguments of the first request are kept with the plan',
    file: 'arguments.ts',
    change: {
      around: 'compileArguments',
      by: `(compile) => (...given) => {
        const { of, constant } = compile(...given);
        let kept;
        return { of: (...at) => (kept ??= of(...at)), constant };
      }`,
    },
  },
  {
    name: 'the claims of the first caller are kept with the plan',
    file: 'field-arguments.ts',
    change: { from: 'if (constant && !viewField.usesClaims) {', to: 'if (constant) {' },
  },
];

export interface Trial {
  readonly caught: boolean;
  readonly said: string;
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** @throws {Error} when the mistake has no place in the file any more */
export async function tryMutation(mutation: Mutation, seed: number, cases: number): Promise<Trial> {
  const copy = await mkdtemp(join(tmpdir(), 'hem-mutant-'));
  try {
    await cp(join(REPOSITORY, 'src'), join(copy, 'src'), { recursive: true });
    await cp(join(REPOSITORY, 'test/oracle'), join(copy, 'test/oracle'), { recursive: true });
    await cp(join(REPOSITORY, 'package.json'), join(copy, 'package.json'));
    await symlink(join(REPOSITORY, 'node_modules'), join(copy, 'node_modules'));
    await writeFile(join(copy, 'src/plan', mutation.file), await mutate(mutation));
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

/** The planner's file with the mistake in it. @throws {Error} when it has no place there any more */
export async function mutate(mutation: Mutation): Promise<string> {
  const text = await readFile(join(REPOSITORY, 'src/plan', mutation.file), 'utf8');
  const { change } = mutation;
  if (!('around' in change)) {
    const parts = text.split(change.from);
    if (parts.length !== 2) throw misplaced(mutation, change.from);
    return parts.join(change.to);
  }
  const { around, by } = change;
  const [head, tail, ...more] = text.split(`function ${around}(`);
  if (head === undefined || tail === undefined || more.length > 0)
    throw misplaced(mutation, `function ${around}(`);
  const [modifiers = ''] = /(?:export )?(?:async )?$/.exec(head) ?? [];
  const exported = modifiers.includes('export') ? 'export ' : '';
  const isAsync = modifiers.includes('async') ? 'async ' : '';
  return [
    `${head.slice(0, head.length - modifiers.length)}${isAsync}function original_${around}(${tail}`,
    `${exported}const ${around} = (${by})(original_${around});\n`,
  ].join('\n');
}

function misplaced({ name, file }: Mutation, wanted: string): Error {
  return new Error(
    `The mistake "${name}" has no place any more: "${wanted}" is not exactly once in src/plan/${file}. ` +
      'Find where the planner decides this now, and make the mistake there, in test/oracle/mutations.ts; best around a function.',
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const seed = Number(process.env.HEM_ORACLE_SEED ?? 1);
  for (const mutation of MUTATIONS) {
    const { caught, said } = await tryMutation(mutation, seed, 2000);
    console.log(`${caught ? 'caught' : 'MISSED'}  ${mutation.name}: ${said}`);
    if (!caught) process.exitCode = 1;
  }
}
