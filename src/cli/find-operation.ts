/** The operation that a command is about: one of the client's own, a file, or standard input. */
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { type DocumentNode, type FragmentDefinitionNode, Kind, print, visit } from 'graphql';
import { GatheredBytes } from '../gathered-bytes.ts';
import type { Client, OperationFile } from '../load/client.ts';
import { didYouMean } from '../problems.ts';

export interface FoundOperation {
  /** For messages. */
  readonly file: string;
  readonly text: string;
  /** Which operation of the text is meant, if that was said. */
  readonly name: string | undefined;
}

export interface NoOperation {
  readonly problem: string;
  readonly hint: string;
}

const STANDARD_INPUT = '-';

export async function findOperation(
  client: Client,
  wanted: string,
  { directory, maxBytes }: { readonly directory: string; readonly maxBytes: number },
): Promise<FoundOperation | NoOperation> {
  if (wanted === STANDARD_INPUT) {
    if (process.stdin.isTTY) console.error('Write the operation; end with Ctrl-D.');
    return read(process.stdin, 'standard input', maxBytes);
  }
  const own = findOwn(client, wanted, directory);
  if (own !== undefined) return own;
  const found = await read(createReadStream(wanted), wanted, maxBytes);
  if (!('problem' in found) || found.missing !== true) return found;
  const known = [...new Set(client.operations.flatMap(namesOf))];
  return {
    problem: `the client "${client.name}" has no operation "${wanted}", and there is no such file`,
    hint: didYouMean(wanted, known) ?? `it has ${known.join(', ') || 'none'}; "-" reads standard input`,
  };
}

/** All that the client has in its folder, each with the fragments that it needs. */
export function ownOperations({ operations }: Client): ReadonlyArray<{
  readonly file: string;
  readonly document: DocumentNode;
  readonly name: string | undefined;
}> {
  return operations.flatMap((own) => {
    const { file, document } = own;
    const whole = {
      ...document,
      definitions: [...document.definitions, ...fragmentsNeeded(own, operations)],
    };
    return document.definitions.flatMap((node) =>
      node.kind === Kind.OPERATION_DEFINITION ? [{ file, document: whole, name: node.name?.value }] : [],
    );
  });
}

/** By the operation's name, the file's name or the file's path. */
function findOwn({ operations }: Client, wanted: string, directory: string): FoundOperation | undefined {
  const byName = operations.find(({ document }) => operationNames(document).includes(wanted));
  if (byName !== undefined) return { ...toFound(byName, operations), name: wanted };
  const byFile = operations.find(
    ({ file }) => baseName(file) === wanted || resolve(directory, file) === resolve(wanted),
  );
  return byFile === undefined ? undefined : toFound(byFile, operations);
}

function toFound(own: OperationFile, all: readonly OperationFile[]): FoundOperation {
  const fragments = fragmentsNeeded(own, all).map((node) => print(node));
  return { file: own.file, text: [own.text, ...fragments].join('\n'), name: undefined };
}

/** Fragments may stand in files of their own and be used by all. */
function fragmentsNeeded(own: OperationFile, all: readonly OperationFile[]): FragmentDefinitionNode[] {
  const others = new Map(
    all
      .filter((other) => other !== own)
      .flatMap(({ document }) => document.definitions)
      .filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  const needed = new Map<string, FragmentDefinitionNode>();
  const pending: Array<DocumentNode | FragmentDefinitionNode> = [own.document];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    visit(node, {
      FragmentSpread({ name }) {
        const fragment = others.get(name.value);
        if (fragment === undefined || needed.has(name.value)) return;
        needed.set(name.value, fragment);
        pending.push(fragment);
      },
    });
  }
  return [...needed.values()];
}

async function read(
  stream: AsyncIterable<unknown>,
  file: string,
  maxBytes: number,
): Promise<FoundOperation | (NoOperation & { readonly missing?: boolean })> {
  const bytes = new GatheredBytes();
  try {
    for await (const chunk of stream) {
      bytes.add(Buffer.from(chunk as Buffer));
      if (bytes.length > maxBytes)
        return {
          problem: `${file} is longer than ${maxBytes} bytes`,
          hint: 'no request of this client may be longer: limits.bodyBytes',
        };
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { problem: `${file} cannot be read`, hint: message, missing: code === 'ENOENT' };
  }
  return { file, text: bytes.take().toString('utf8'), name: undefined };
}

function namesOf({ file, document }: OperationFile): readonly string[] {
  const names = operationNames(document);
  return names.length === 0 ? [] : [...names, baseName(file)];
}

function operationNames(document: DocumentNode): readonly string[] {
  return document.definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION && node.name !== undefined ? [node.name.value] : [],
  );
}

function baseName(file: string): string {
  return file.replace(/^.*\//, '').replace(/\.graphql$/, '');
}
