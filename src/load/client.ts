/** Loads one client: client.yml, schemas/<client>.graphql and its operations. */
import type { DocumentNode } from 'graphql';
import type { Problems } from '../problems.ts';
import { type ClientAuth, readAuth } from './checks/auth.ts';
import type { Environment } from './environment.ts';
import { readSource } from './read-source.ts';
import { parseSdl } from './sdl.ts';
import { type ClientSettings, clientSettings } from './settings/settings.ts';
import { checkShape } from './shape.ts';
import type { SourceDirectory } from './source-directory.ts';
import { readYaml } from './yaml.ts';

export type ClientName = string;

export interface Client {
  readonly name: ClientName;
  readonly settings: ClientSettings;
  /** Undefined where nobody needs to be known. */
  readonly auth: ClientAuth | undefined;
  /** `schemas/<client>.graphql` */
  readonly file: string;
  readonly operations: readonly OperationFile[];
}

/** With what its view is built from, and nothing after that needs. */
export interface LoadedClient extends Client {
  readonly document: DocumentNode;
}

/** One of the client's own operations. */
export interface OperationFile {
  readonly file: string;
  readonly document: DocumentNode;
  readonly text: string;
}

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** Undefined after reporting problems. */
export async function loadClient(
  directory: SourceDirectory,
  name: string,
  environment: Environment,
  problems: Problems,
): Promise<LoadedClient | undefined> {
  const folder = `clients/${name}`;
  const file = `schemas/${name}.graphql`;
  if (!NAME.test(name)) {
    problems.report({
      rule: 'client-name',
      at: { file: folder, line: 1, column: 1 },
      message: 'A client is named in lower case: its name is part of its address.',
      found: name,
      expected: 'letters, digits and "-", beginning with a letter',
    });
  }
  const yaml = await readYaml(directory, `${folder}/client.yml`, environment, problems);
  if (yaml === null) {
    problems.report({
      rule: 'missing-file',
      at: { file: `${folder}/client.yml`, line: 1, column: 1 },
      message: `The client "${name}" has no client.yml.`,
      hint: '"{}" is enough',
    });
  }
  const settings = yaml ? checkShape(yaml, clientSettings, problems) : undefined;
  const auth = yaml && settings?.auth ? readAuth(yaml, settings.auth, problems) : undefined;
  const text = await readSource(directory, file, problems);
  if (text === null) {
    problems.report({
      rule: 'missing-file',
      at: { file, line: 1, column: 1 },
      message: `The client "${name}" has no schema.`,
      hint: `write its view of the graph into ${file}`,
    });
  }
  const document = typeof text === 'string' ? parseSdl(file, text, problems) : undefined;
  const operations = await loadOperations(directory, `${folder}/operations`, problems);
  return settings === undefined || document === undefined
    ? undefined
    : { name, settings, auth, file, document, operations };
}

async function loadOperations(
  directory: SourceDirectory,
  folder: string,
  problems: Problems,
): Promise<readonly OperationFile[]> {
  const names = await directory.files(folder, '.graphql');
  const loaded = await Promise.all(
    names.map(async (name): Promise<OperationFile | undefined> => {
      const file = `${folder}/${name}`;
      const text = await readSource(directory, file, problems);
      if (typeof text !== 'string') return undefined;
      const document = parseSdl(file, text, problems);
      return document === undefined ? undefined : { file, document, text };
    }),
  );
  return loaded.filter((operation) => operation !== undefined);
}
