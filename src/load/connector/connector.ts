/** Loads one connector's folder: connector.yml, schema.graphql, the vendored spec and mapping.ts. */
import type { DocumentNode } from 'graphql';
import type { ConnectorKind, ConnectorSource } from '../../connectors/kind.ts';
import { KINDS, type RegisteredKind } from '../../connectors/registry.ts';
import { type CommonSettings, commonSettings } from '../../connectors/settings.ts';
import { didYouMean, type Problems, placeAt } from '../../problems.ts';
import { checkIdentity } from '../checks/identity.ts';
import { checkTls } from '../checks/tls.ts';
import { CONNECTOR_DIRECTIVES } from '../directives/directives.ts';
import type { Environment } from '../environment.ts';
import type { Connector } from '../model.ts';
import { readSource } from '../read-source.ts';
import { checkSdl, parseSdl } from '../sdl.ts';
import { checkShape, ONCE } from '../shape.ts';
import { FileProblem, type SourceDirectory } from '../source-directory.ts';
import { readYaml, type YamlFile } from '../yaml.ts';
import { loadMappingModule } from './mapping-module.ts';
import { buildTypes } from './types-of-connector.ts';

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** Undefined after reporting problems that leave no model to go on with. */
export async function loadConnector(
  directory: SourceDirectory,
  name: string,
  environment: Environment,
  problems: Problems,
): Promise<Connector | undefined> {
  const folder = `connectors/${name}`;
  const settingsFile = `${folder}/connector.yml`;
  const file = `${folder}/schema.graphql`;
  if (!NAME.test(name)) {
    problems.report({
      rule: 'connector-name',
      at: { file: folder, line: 1, column: 1 },
      message: 'A connector is named in lower case.',
      found: name,
      expected: 'letters, digits and "-", beginning with a letter',
    });
  }
  const text = await readSource(directory, file, problems);
  if (text === null) {
    problems.report({
      rule: 'missing-file',
      at: { file, line: 1, column: 1 },
      message: `The connector "${name}" has no schema.graphql.`,
    });
  }
  const document = typeof text === 'string' ? parseSdl(file, text, problems) : undefined;
  const yaml = await readYaml(directory, settingsFile, environment, problems);
  if (yaml === null) {
    problems.report({
      rule: 'missing-file',
      at: { file: settingsFile, line: 1, column: 1 },
      message: `The connector "${name}" has no connector.yml.`,
    });
  }
  if (!yaml) return undefined;
  const kind = await kindOf(yaml, problems)?.import();
  if (kind === undefined) return undefined;
  const checked = checkSettings(yaml, kind, problems);
  if (document === undefined) return undefined;
  if (checked === undefined) {
    // What can be judged without settings still is. The SDL of another dialect cannot.
    if (kind.translate === undefined)
      checkSdl(file, document, CONNECTOR_DIRECTIVES + kind.directives, problems);
    return undefined;
  }
  const source: ConnectorSource<unknown> = {
    name,
    ...checked,
    ...fileAccess(directory, folder, yaml, problems),
  };
  checkIdentity(source.settings, (at, problem) => yaml.reportAt(at, problem, problems));
  for (const { tls, at } of tlsOf(source.settings)) {
    checkTls(tls, (key, problem) =>
      yaml.reportAt([...at, key], { rule: 'connector-tls', ...problem }, problems),
    );
  }
  const spec = await kind.load(source);
  const translated = translate(kind, document, source);
  const sdl = checkSdl(file, translated, CONNECTOR_DIRECTIVES + kind.directives, problems);
  if (sdl === undefined) return undefined;
  const functions = await loadMappingModule(directory, folder, problems);
  const connector = { name, kind, ...checked, yaml, file, schema: sdl.schema };
  return buildTypes(connector, { sdl, spec, source, functions, problems });
}

/** Of the backend, and of the token endpoints that have their own. */
function tlsOf({ tls, auth, identity }: CommonSettings) {
  const oauth2 = typeof auth === 'object' && 'oauth2' in auth ? auth.oauth2.tls : undefined;
  const exchange = typeof identity === 'object' && 'exchange' in identity ? identity.exchange.tls : undefined;
  return [
    { tls: tls ?? {}, at: ['tls'] },
    { tls: oauth2 ?? {}, at: ['auth', 'oauth2', 'tls'] },
    { tls: exchange ?? {}, at: ['identity', 'exchange', 'tls'] },
  ];
}

function translate(
  kind: ConnectorKind,
  document: DocumentNode,
  source: ConnectorSource<unknown>,
): DocumentNode {
  return kind.translate?.(document, source) ?? document;
}

function textOrType(value: unknown): string {
  return typeof value === 'object' ? 'no text' : JSON.stringify(value);
}

function kindOf(yaml: YamlFile, problems: Problems): RegisteredKind | undefined {
  const names = KINDS.map(({ kind }) => kind);
  const found = yaml.value.kind;
  const kind = KINDS.find((candidate) => candidate.kind === found);
  if (kind === undefined) {
    problems.report({
      rule: found === undefined ? 'missing-key' : 'unknown-kind',
      at: yaml.placeOf(['kind']),
      message: found === undefined ? '"kind" is missing.' : 'There is no connector kind of this name.',
      found: found === undefined ? undefined : yaml.shown(['kind'], textOrType(found)),
      expected: names.join(', '),
      hint: typeof found === 'string' ? didYouMean(found, names) : undefined,
    });
  }
  return kind;
}

/** Of connector.yml. One strict shape of common and own keys, so that an unknown key is unknown to both. */
function toShapes(kind: ConnectorKind) {
  return {
    all: commonSettings.extend(kind.options.shape).strict(),
    common: commonSettings.strip(),
    own: kind.options.strip(),
  };
}

const known = new WeakMap<ConnectorKind, ReturnType<typeof toShapes>>();

function shapesOf(kind: ConnectorKind): ReturnType<typeof toShapes> {
  const shapes = known.get(kind) ?? toShapes(kind);
  known.set(kind, shapes);
  return shapes;
}

function checkSettings(yaml: YamlFile, kind: ConnectorKind, problems: Problems) {
  const shapes = shapesOf(kind);
  const value = checkShape(yaml, shapes.all, problems) === undefined ? judgeable(yaml, kind) : yaml.value;
  if (value === undefined) return undefined;
  const settings = shapes.common.parse(value, ONCE);
  const options = shapes.own.safeParse(value, ONCE);
  if (!options.success) {
    // Refinements of the kind's schema as a whole are not part of its shape.
    for (const issue of options.error.issues) {
      const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol');
      problems.report({ rule: 'invalid-value', at: yaml.placeOf(path), message: issue.message });
    }
    return undefined;
  }
  // For all that is judged while loading any address does.
  const unresolved = {
    settings: { ...settings, endpoint: `${kind.protocols[0]}//unresolved.invalid` },
    options: options.data,
  };
  if (yaml.isUnresolved(['endpoint'])) return unresolved;
  const url = URL.parse(settings.endpoint);
  if (url === null || !kind.protocols.includes(url.protocol)) {
    problems.report({
      rule: 'invalid-endpoint',
      at: yaml.placeOf(['endpoint']),
      message: `"endpoint" is not the address of a ${kind.kind} backend.`,
      // The address may carry a password.
      found: url === null ? 'not a URL' : `${url.protocol}//…`,
      expected: kind.protocols.map((protocol) => `${protocol}//host`).join(' or '),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how references are written
      hint: settings.endpoint.startsWith('$') ? 'a variable of the environment is "${env:NAME}"' : undefined,
    });
    return unresolved;
  }
  return { settings, options: options.data };
}

/** Settings that every kind has say nothing about schemas: without those that are wrong, these and the views can still be judged. */
function judgeable(yaml: YamlFile, kind: ConnectorKind): Readonly<Record<string, unknown>> | undefined {
  const { all } = shapesOf(kind);
  const wrong = new Set(all.safeParse(yaml.value, ONCE).error?.issues.map(({ path }) => path[0]));
  if ([...wrong].some((key) => typeof key !== 'string' || !Object.hasOwn(commonSettings.shape, key)))
    return undefined;
  const rest = Object.fromEntries(Object.entries(yaml.value).filter(([key]) => !wrong.has(key)));
  return all.safeParse(rest, ONCE).success ? rest : undefined;
}

function fileAccess(directory: SourceDirectory, folder: string, yaml: YamlFile, problems: Problems) {
  return {
    async read(path: string, at: readonly (string | number)[]): Promise<Buffer | undefined> {
      try {
        const bytes = await directory.read(path, folder);
        if (bytes !== undefined) return bytes;
        const near = await directory.files(folder, '');
        problems.report({
          rule: 'missing-file',
          at: yaml.placeOf(at),
          message: `There is no file "${path}" in ${folder}.`,
          hint: didYouMean(path, near),
        });
      } catch (error) {
        if (!(error instanceof FileProblem)) throw error;
        problems.report({ rule: 'missing-file', at: yaml.placeOf(at), message: `${error.message}.` });
      }
      return undefined;
    },
    locate: (path: string) => directory.locate(path, folder),
    report: (at: readonly (string | number)[], problem: Omit<Parameters<Problems['report']>[0], 'at'>) => {
      problems.report({ at: yaml.placeOf(at), ...problem, found: yaml.shown(at, problem.found) });
    },
    reportIn: (
      path: string,
      text: string,
      offset: number,
      problem: Omit<Parameters<Problems['report']>[0], 'at'>,
    ) => {
      problems.report({ at: placeAt(`${folder}/${path}`, text, offset), ...problem });
    },
  };
}
