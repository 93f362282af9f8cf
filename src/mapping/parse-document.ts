/**
 * Parses GraphQL documents like graphql-js, but for the tokens: there every node holds the tokens it begins and ends with, and every
 * token its neighbours, which makes a document that is kept several times as large as what anybody reads of it.
 */
import { type DocumentNode, type Location, Source, type Token } from 'graphql';
import { Parser } from 'graphql/language/parser.js';

export interface DocumentOptions {
  /** In messages and places; by default nameless. */
  readonly name?: string;
  readonly maxTokens?: number;
}

/** @throws {GraphQLError} where the text is no document */
export function parseDocument(text: string, { name, maxTokens }: DocumentOptions = {}): DocumentNode {
  return new TokenlessParser(new Source(text, name), { maxTokens }).parseDocument();
}

class TokenlessParser extends Parser {
  override node<T extends { loc?: Location | undefined }>({ start }: Token, node: T): T {
    node.loc = new Span(start, this._lexer.lastToken.end, this._lexer.source);
    return node;
  }
}

class Span implements Location {
  readonly start: number;
  readonly end: number;
  readonly source: Source;

  constructor(start: number, end: number, source: Source) {
    this.start = start;
    this.end = end;
    this.source = source;
  }

  get startToken(): never {
    throw new Error('Tokens are not kept.');
  }

  get endToken(): never {
    throw new Error('Tokens are not kept.');
  }

  get [Symbol.toStringTag](): string {
    return 'Location';
  }

  toJSON(): { start: number; end: number } {
    return { start: this.start, end: this.end };
  }
}
