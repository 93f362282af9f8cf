/** Files that are called nearly as one that is read: nothing of them would count, and nobody would say so. */
import type { Problems } from '../../problems.ts';
import type { SourceDirectory } from '../source-directory.ts';

/** What is read in each kind of folder, and what people write instead. */
const READ: ReadonlyArray<{ readonly in: string; readonly name: string; readonly near: RegExp }> = [
  { in: '', name: 'hem.yml', near: /^hem\.(?:yaml|json)$/i },
  { in: 'clients', name: 'plans.yml', near: /^plans?\.(?:ya?ml|json)$/i },
  { in: 'clients/*', name: 'client.yml', near: /^clients?\.(?:ya?ml|json)$/i },
  { in: 'connectors/*', name: 'connector.yml', near: /^connectors?\.(?:ya?ml|json)$/i },
];

export async function reportMisnamedFiles(
  directory: SourceDirectory,
  folders: { readonly clients: readonly string[]; readonly connectors: readonly string[] },
  problems: Problems,
): Promise<void> {
  const places = READ.flatMap((read) => {
    const [kind = '', below] = read.in.split('/');
    const names = below === undefined ? [] : folders[kind as keyof typeof folders];
    return below === undefined
      ? [{ ...read, folder: kind }]
      : names.map((name) => ({ ...read, folder: `${kind}/${name}` }));
  });
  await Promise.all(
    places.map(async ({ folder, name, near }) => {
      const files = await directory.files(folder, '');
      for (const file of files) {
        if (file === name || !near.test(file)) continue;
        problems.report({
          rule: 'misnamed-file',
          at: { file: folder === '' ? file : `${folder}/${file}`, line: 1, column: 1 },
          message: 'Nothing reads this file.',
          expected: folder === '' ? name : `${folder}/${name}`,
          hint: files.includes(name) ? `remove it, or bring what it says into ${name}` : 'rename it',
        });
      }
    }),
  );
}
