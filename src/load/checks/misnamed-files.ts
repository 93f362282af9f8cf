/** Files that are called nearly as one that is read: nothing of them would count, and nobody would say so. */
import type { Problems } from '../../problems.ts';
import type { SourceDirectory } from '../source-directory.ts';

interface Place {
  readonly folder: string;
  /** What is read there. */
  readonly name: string;
  /** What people write instead. */
  readonly near: RegExp;
}

export async function reportMisnamedFiles(
  directory: SourceDirectory,
  { clients, connectors }: { readonly clients: readonly string[]; readonly connectors: readonly string[] },
  problems: Problems,
): Promise<void> {
  const places: readonly Place[] = [
    { folder: '', name: 'hem.yml', near: /^hem\.(?:yaml|json)$/i },
    { folder: 'clients', name: 'plans.yml', near: /^plans?\.(?:ya?ml|json)$/i },
    ...clients.map((client) => ({
      folder: `clients/${client}`,
      name: 'client.yml',
      near: /^clients?\.(?:ya?ml|json)$/i,
    })),
    ...connectors.map((connector) => ({
      folder: `connectors/${connector}`,
      name: 'connector.yml',
      near: /^connectors?\.(?:ya?ml|json)$/i,
    })),
  ];
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
