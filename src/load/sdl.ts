/** SDL files: parsed, checked against the directives that may stand in them, and built into a schema. */
import {
  buildASTSchema,
  type ConstDirectiveNode,
  concatAST,
  type DefinitionNode,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  isTypeDefinitionNode,
  isTypeExtensionNode,
  Kind,
  type Location,
  type NamedTypeNode,
  specifiedScalarTypes,
  validateSchema,
} from 'graphql';
import { validateSDL } from 'graphql/validation/validate.js';
import { linePosition } from '../mapping/lines.ts';
import { MAX_NESTING, tooDeepAt } from '../mapping/nesting.ts';
import { parseDocument } from '../mapping/parse-document.ts';
import { didYouMean, type Place, type Problem, type Problems, placeAt } from '../problems.ts';
import { BUILT_IN_SCALARS } from './directives/directives.ts';
import { equipScalars } from './scalars.ts';

const DEFINITIONS = '(definitions)';
/** An SDL beyond this is refused rather than worked on for minutes. */
const MAX_TOKENS = 2_000_000;

/** Parses a file; undefined after reporting its syntax error. */
export function parseSdl(file: string, text: string, problems: Problems): DocumentNode | undefined {
  const deep = tooDeepAt(text);
  if (deep !== undefined) {
    problems.report({
      rule: 'sdl-syntax',
      at: placeAt(file, text, deep),
      message: 'This is nested too deeply.',
      expected: `at most ${MAX_NESTING} levels of brackets`,
    });
    return undefined;
  }
  try {
    return parseDocument(text, { name: file, maxTokens: MAX_TOKENS });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const { line = 1, column = 1 } = error.locations?.[0] ?? {};
    const isEmpty = error.message === 'Syntax Error: Unexpected <EOF>.' && /^(?:\s|#.*)*$/.test(text);
    const [, expected, found] = /^Syntax Error: Expected (.*), found (.*)\.$/s.exec(error.message) ?? [];
    problems.report({
      rule: 'sdl-syntax',
      at: { file, line, column },
      message: isEmpty
        ? 'There is nothing in this file.'
        : expected === undefined
          ? error.message
          : 'This is not GraphQL.',
      found: found?.replace('<EOF>', 'the end of the file'),
      expected: isEmpty ? 'types, such as "type Query { … }"' : expected,
    });
    return undefined;
  }
}

export interface CheckedSdl {
  readonly schema: GraphQLSchema;
  /** Names of types that the file only extends: somebody else's. */
  readonly extended: ReadonlySet<string>;
}

/** Builds a document together with the given directive definitions. Reports all problems; undefined when no schema can be made of it. */
export function checkSdl(
  file: string,
  document: DocumentNode,
  directives: string,
  problems: Problems,
): CheckedSdl | undefined {
  const definedHere = new Set(
    document.definitions.flatMap((node) => (isTypeDefinitionNode(node) ? [node.name.value] : [])),
  );
  const definitions = definitionsOf(directives, definedHere);
  const reserved = new Set(definitions.definitions.flatMap((node) => nameOf(node) ?? []));
  const { document: own, extended } = adoptExtensions(document, definedHere);
  const known = definitions.definitions.flatMap((node) =>
    node.kind === Kind.DIRECTIVE_DEFINITION ? [node.name.value] : [],
  );
  const refusals = own.definitions.map((node) => refusalOf(node, reserved, file));
  if (refusals.some((refusal) => refusal !== undefined)) {
    for (const refusal of refusals) if (refusal !== undefined) problems.report(refusal);
    // The rest is judged as if it stood alone.
    const remaining = own.definitions.filter((_node, index) => refusals[index] === undefined);
    checkSdl(file, { ...document, definitions: remaining }, directives, problems);
    return undefined;
  }
  const before = problems.count;
  const complete = concatAST([definitions, withoutRepetitions(own, file, problems)]);
  for (const error of validateSDL(complete)) reportError(error, file, problems, known);
  let schema: GraphQLSchema;
  try {
    schema = buildASTSchema(complete, { assumeValidSDL: true });
    equipScalars(schema);
  } catch (error) {
    if (problems.count === before) {
      problems.report({
        rule: 'sdl-invalid',
        at: { file, line: 1, column: 1 },
        message: (error as Error).message,
      });
    }
    return undefined;
  }
  for (const error of validateSchema(schema)) {
    // A connector need not have one.
    if (error.message !== 'Query root type must be provided.') reportError(error, file, problems, known);
  }
  return { schema, extended };
}

/**
 * The document with each member of a union, and each interface of a type, once; reports those that stand there more often. What
 * graphql-js says of them takes as long as their number squared, and has a place for each in each of its errors.
 */
function withoutRepetitions(document: DocumentNode, file: string, problems: Problems): DocumentNode {
  const once = (names: readonly NamedTypeNode[] | undefined) => {
    const seen = new Map<string, NamedTypeNode>();
    const repeated = new Map<string, NamedTypeNode>();
    for (const node of names ?? []) {
      const name = node.name.value;
      if (!seen.has(name)) seen.set(name, node);
      else if (!repeated.has(name)) repeated.set(name, node);
    }
    for (const [name, node] of repeated)
      problems.report({
        rule: 'sdl-invalid',
        at: placeOf(node.loc, file),
        message: `"${name}" stands here more than once.`,
        hint: 'remove all but one',
        related: [{ at: placeOf(seen.get(name)!.loc, file), note: 'the first' }],
      });
    return [...seen.values()];
  };
  const definitions = document.definitions.map((node): DefinitionNode => {
    if ('interfaces' in node) return { ...node, interfaces: once(node.interfaces) };
    return 'types' in node ? { ...node, types: once(node.types) } : node;
  });
  return { ...document, definitions };
}

/** Why a definition may not stand in a file: it is somebody else's to make. @param reserved names of Hem's own types */
function refusalOf(node: DefinitionNode, reserved: ReadonlySet<string>, file: string): Problem | undefined {
  if (node.kind === Kind.SCHEMA_DEFINITION || node.kind === Kind.SCHEMA_EXTENSION)
    return {
      rule: 'sdl-schema',
      at: placeOf(node.loc, file),
      message: 'Root types are called Query, Mutation and Subscription; a schema definition is not needed.',
      hint: 'remove it',
    };
  if (node.kind === Kind.DIRECTIVE_DEFINITION)
    return {
      rule: 'sdl-directive-definition',
      at: placeOf(node.loc, file),
      message: 'Directives are defined by Hem.',
      found: `directive @${node.name.value}`,
      hint: 'remove the definition',
    };
  if (!isTypeDefinitionNode(node) && !isTypeExtensionNode(node)) return undefined;
  const at = placeOf(node.name.loc, file);
  const name = node.name.value;
  if (GRAPHQL_SCALARS.has(name))
    return {
      rule: 'sdl-reserved-name',
      at,
      message: `"${name}" is a type of GraphQL's own: what stands on it here would hold for nothing.`,
      hint: 'remove it; a scalar of your own may say more',
    };
  if (!isTypeDefinitionNode(node) || !reserved.has(name)) return undefined;
  return {
    rule: 'sdl-reserved-name',
    at,
    message: `"${name}" is a name of Hem's own.`,
    hint: 'choose another name',
  };
}

/** Of one problem: what stands in a hundred places is not understood better by all of them. */
const MAX_RELATED = 5;

const GRAPHQL_SCALARS: ReadonlySet<string> = new Set(specifiedScalarTypes.map(({ name }) => name));

const SCALARS: ReadonlySet<string> = new Set(BUILT_IN_SCALARS);
const parsed = new Map<string, DocumentNode>();

/** Hem's own: the directives, and the scalars that a file does not define itself. The same nodes for all files. */
function definitionsOf(directives: string, definedHere: ReadonlySet<string>): DocumentNode {
  const text = [directives, ...BUILT_IN_SCALARS.map((name) => `scalar ${name}`)].join('\n');
  const all = parsed.get(text) ?? parseDocument(text, { name: DEFINITIONS });
  parsed.set(text, all);
  const definitions = all.definitions.filter((node) => {
    const name = nameOf(node) ?? '';
    return !SCALARS.has(name) || !definedHere.has(name);
  });
  return { ...all, definitions };
}

function nameOf(node: DefinitionNode): string | undefined {
  return 'name' in node ? node.name?.value : undefined;
}

/** `extend type` of a type that the file does not define becomes its definition: several extensions, one definition. */
function adoptExtensions(
  document: DocumentNode,
  definedHere: ReadonlySet<string>,
): { document: DocumentNode; extended: Set<string> } {
  const extended = new Set<string>();
  const definitions = document.definitions.map((node): DefinitionNode => {
    if (!isTypeExtensionNode(node) || definedHere.has(node.name.value) || extended.has(node.name.value))
      return node;
    extended.add(node.name.value);
    return { ...node, kind: node.kind.replace('Extension', 'Definition') } as DefinitionNode;
  });
  return { document: { ...document, definitions }, extended };
}

function reportError(
  error: GraphQLError,
  file: string,
  problems: Problems,
  knownDirectives: readonly string[],
): void {
  const nodes = (error.nodes ?? []).filter(
    (node) => node.loc !== undefined && node.loc.source.name !== DEFINITIONS,
  );
  const [first, ...others] = nodes;
  const [message, suggestion] = splitSuggestion(error.message);
  const unknown = /^Unknown directive "@(.*)"\.$/.exec(message)?.[1];
  problems.report({
    rule: 'sdl-invalid',
    at: placeOf(first?.loc, file),
    message,
    expected: unknown === undefined ? undefined : knownDirectives.map((name) => `@${name}`).join(', '),
    hint:
      unknown === undefined
        ? suggestion
        : didYouMean(
            `@${unknown}`,
            knownDirectives.map((name) => `@${name}`),
          ),
    related: others
      .slice(0, MAX_RELATED)
      .map((node) => ({ at: placeOf(node.loc, file), note: 'also takes part' })),
  });
}

function splitSuggestion(message: string): [string, string | undefined] {
  const match = /^(.*?)\s+Did you mean (.*)\?$/s.exec(message);
  return match === null ? [message, undefined] : [match[1]!, `did you mean ${match[2]}?`];
}

/** The place of a node in its file. */
export function placeOf(loc: Location | undefined, file: string): Place {
  if (loc === undefined) return { file, line: 1, column: 1 };
  return { file: loc.source.name, ...linePosition(loc) };
}

/** The place of a character within a string argument of a directive; of the directive when there is no such argument. */
export function placeInArgument(
  node: ConstDirectiveNode,
  path: readonly (string | number)[],
  offset: number,
  file: string,
): Place {
  let value = node.arguments?.find((argument) => argument.name.value === path[0])?.value;
  for (const step of path.slice(1)) {
    if (value?.kind === Kind.LIST && typeof step === 'number') value = value.values[step];
    else if (value?.kind === Kind.OBJECT)
      value = value.fields.find((field) => field.name.value === step)?.value;
  }
  if (value?.loc === undefined) return placeOf(node.loc, file);
  if (value.kind !== Kind.STRING) return placeOf(value.loc, file);
  const quote = value.block === true ? 3 : 1;
  return placeAt(
    value.loc.source.name,
    value.loc.source.body,
    Math.min(value.loc.start + quote + offset, value.loc.end - 1),
  );
}
