/**
 * Literals: a GraphQL value with references, `{ near: { lat: $lat, lon: $lon }, first: 5, sub: $claims.sub }`. An object field
 * whose reference is absent is dropped; in a list it is null. Described in `docs/mapping.md`.
 */
import { GraphQLError, parseValue, type ValueNode } from 'graphql';
import { MAX_NESTING, tooDeepAt } from './nesting.ts';
import { GrammarError } from './path.ts';
import { parseReference, type Reference, toValueOf, type ValueOf } from './values.ts';

export interface Literal {
  readonly node: ValueNode;
  readonly references: readonly Reference[];
  readonly evaluate: ValueOf;
}

/** @throws {GrammarError} */
export function parseLiteral(text: string): Literal {
  const byOffset = new Map<number, Reference>();
  const masked = maskReferences(text, byOffset);
  const deep = tooDeepAt(masked);
  if (deep !== undefined)
    throw new GrammarError(deep, `"${masked[deep]}"`, `at most ${MAX_NESTING} levels of brackets`);
  let node: ValueNode;
  try {
    node = parseValue(masked, { maxTokens: 10_000 });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const offset = error.positions?.[0] ?? 0;
    throw new GrammarError(
      offset,
      text[offset] === undefined ? 'the end' : `"${text.slice(offset, offset + 12)}"`,
      'a GraphQL value',
    );
  }
  return { node, references: [...byOffset.values()], evaluate: compile(node, byOffset) };
}

const REFERENCE = /\$([A-Za-z_]\w*(?:\.(?:[A-Za-z_]\w*|'[^'\n]*')|\[\d*\])*\??)/y;

/** GraphQL's own parser knows `$a` but not `$a.b[0]`: such references get a name of the same length, so that offsets stay true. */
function maskReferences(text: string, byOffset: Map<number, Reference>): string {
  let masked = '';
  let offset = 0;
  while (offset < text.length) {
    const character = text[offset]!;
    if (character === '"') {
      const end = endOfString(text, offset);
      masked += text.slice(offset, end);
      offset = end;
      continue;
    }
    REFERENCE.lastIndex = offset;
    const match = character === '$' ? REFERENCE.exec(text) : null;
    if (match === null) {
      masked += character;
      offset++;
      continue;
    }
    byOffset.set(offset, parseReference(match[1]!, offset + 1));
    masked += `$${match[1]!.replace(/\W/g, '_')}`;
    offset += match[0].length;
  }
  return masked;
}

function endOfString(text: string, start: number): number {
  if (text.startsWith('"""', start)) {
    const close = text.indexOf('"""', start + 3);
    return close === -1 ? text.length : close + 3;
  }
  let offset = start + 1;
  while (offset < text.length && text[offset] !== '"' && text[offset] !== '\n') {
    offset += text[offset] === '\\' ? 2 : 1;
  }
  return offset + 1;
}

function compile(node: ValueNode, byOffset: ReadonlyMap<number, Reference>): ValueOf {
  switch (node.kind) {
    case 'Variable':
      return toValueOf(byOffset.get(node.loc!.start)!);
    case 'IntValue': {
      // Beyond 2^53 a number would lose digits; such literals stay text.
      const number = Number(node.value);
      const value = Number.isSafeInteger(number) ? number : node.value;
      return () => value;
    }
    case 'FloatValue': {
      const value = Number(node.value);
      if (!Number.isFinite(value))
        throw new GrammarError(node.loc?.start ?? 0, node.value, 'a number that a double holds, or a text');
      return () => value;
    }
    case 'StringValue':
    case 'BooleanValue':
    case 'EnumValue': {
      const { value } = node;
      return () => value;
    }
    case 'NullValue':
      return () => null;
    case 'ListValue': {
      const items = node.values.map((item) => compile(item, byOffset));
      return (values) => items.map((item) => item(values) ?? null);
    }
    case 'ObjectValue': {
      const fields = node.fields.map((field) => [field.name.value, compile(field.value, byOffset)] as const);
      return (values) => {
        const result: Record<string, unknown> = Object.create(null);
        for (const [name, evaluate] of fields) {
          const value = evaluate(values);
          if (value !== undefined) result[name] = value;
        }
        return result;
      };
    }
  }
}
