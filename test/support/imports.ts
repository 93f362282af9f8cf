/** What TypeScript files import, read without a compiler: enough for statements as the formatter writes them. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** The repository's folder. */
export const ROOT = join(import.meta.dirname, '../..');

export interface Import {
  /** Relative to the repository, as all paths here. */
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
  /** The imported file, of a relative specifier. */
  readonly target: string | undefined;
  /** The package, of a bare specifier that is none of Node's modules. */
  readonly dependency: string | undefined;
  /** Gone at run time. */
  readonly typeOnly: boolean;
}

const STATEMENT = /^(?:import|export)\s(type\s)?(?:[^'"`;]*?\sfrom\s)?'([^'\n]+)'/gm;
const EXPRESSION =
  /\b(?:import|require|require\.resolve|import\.meta\.resolve)\(\s*'([^'\n]+)'\s*\)(\.[A-Z])?/g;

/** TypeScript files below the folders, without other packages. Folders that do not exist hold none. */
export function sourceFiles(...folders: readonly string[]): readonly string[] {
  return folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) =>
      globSync('**/*.ts', { cwd: join(ROOT, folder), exclude: isOtherPackage }).map((file) =>
        join(folder, file),
      ),
    )
    .sort();
}

export function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const imports: Import[] = [];
  for (const match of text.matchAll(STATEMENT))
    imports.push(toImport(match[2]!, match[1] !== undefined, match.index));
  for (const match of text.matchAll(EXPRESSION))
    imports.push(toImport(match[1]!, match[2] !== undefined, match.index));
  return imports;

  function toImport(specifier: string, typeOnly: boolean, offset: number): Import {
    const line = text.slice(0, offset).split('\n').length;
    const relative = /^\.\.?\//.test(specifier);
    return {
      file,
      line,
      specifier,
      target: relative ? normalize(join(dirname(file), specifier)) : undefined,
      dependency: relative || specifier.startsWith('node:') ? undefined : packageOf(specifier),
      typeOnly,
    };
  }
}

function isOtherPackage(path: string): boolean {
  return path.endsWith('node_modules') || path.endsWith('generated');
}

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
