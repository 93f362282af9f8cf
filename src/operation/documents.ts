/** A client's documents: parsed, measured and validated once, kept in a bounded cache. Nothing of a request is kept with them. */
import {
  type DocumentNode,
  type FloatValueNode,
  GraphQLError,
  GraphQLFloat,
  type GraphQLSchema,
  getNamedType,
  type IntValueNode,
  NoSchemaIntrospectionCustomRule,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import type { OperationLimits } from '../load/settings.ts';
import { parseDocument } from '../mapping/parse-document.ts';
import { checkOverlaps, checkSize, checkText, tooLarge } from './limits.ts';

/** Fit to be executed, or the reasons why not. */
export type CheckedDocument =
  | { readonly document: DocumentNode }
  | { readonly errors: readonly GraphQLError[] };

const MAX_KEPT = 1000;
/** Longer texts are not kept: a few of them would outweigh all others. */
const MAX_KEPT_CHARACTERS = 100_000;
const MAX_ERRORS = 20;

export class Documents {
  readonly #schema: GraphQLSchema;
  readonly #limits: OperationLimits;
  readonly #introspection: boolean;
  readonly #rules: readonly ValidationRule[];
  readonly #kept = new Map<string, CheckedDocument>();

  constructor(schema: GraphQLSchema, limits: OperationLimits, introspection: boolean) {
    this.#schema = schema;
    this.#limits = limits;
    this.#introspection = introspection;
    this.#rules = [
      ...specifiedRules,
      finiteNumbers,
      ...(introspection ? [] : [NoSchemaIntrospectionCustomRule]),
    ];
  }

  check(text: string): CheckedDocument {
    const known = this.#kept.get(text);
    if (known !== undefined) {
      // Most recently used last.
      this.#kept.delete(text);
      this.#kept.set(text, known);
      return known;
    }
    const checked = this.#check(text);
    // Refused documents are not kept: a flood of them would push out the good ones.
    if ('document' in checked && text.length <= MAX_KEPT_CHARACTERS) {
      if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
      this.#kept.set(text, checked);
    }
    return checked;
  }

  #check(text: string): CheckedDocument {
    const refused = checkText(text, this.#limits);
    if (refused !== undefined) return { errors: [refused] };
    let document: DocumentNode;
    try {
      document = parseDocument(text, { maxTokens: this.#limits.tokens });
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      if (/more than \d+ tokens/.test(error.message)) {
        return { errors: [tooLarge('tokens', `more than ${this.#limits.tokens}`, this.#limits.tokens)] };
      }
      return { errors: [withCode(error, 'GRAPHQL_PARSE_FAILED')] };
    }
    const size = checkSize(document, this.#limits) ?? checkOverlaps(document);
    if (size !== undefined) return { errors: [size] };
    const errors = validate(this.#schema, document, this.#rules, {
      maxErrors: MAX_ERRORS,
      hideSuggestions: !this.#introspection,
    });
    return errors.length === 0
      ? { document }
      : {
          errors: errors.map((error) =>
            withCode(this.#introspection ? error : withoutSuggestion(error), 'GRAPHQL_VALIDATION_FAILED'),
          ),
        };
  }
}

/** As variables graphql-js refuses them; as literals they would become infinite, and null in a backend's JSON. */
const finiteNumbers: ValidationRule = (context) => {
  const check = (node: FloatValueNode | IntValueNode) => {
    const type = context.getInputType();
    if (!type || getNamedType(type) !== GraphQLFloat || Number.isFinite(Number(node.value))) return;
    context.reportError(new GraphQLError('Float cannot represent a number of this size.', { nodes: node }));
  };
  return { FloatValue: check, IntValue: check };
};

/** One rule suggests also where suggestions are hidden: that a field has fields of its own. */
function withoutSuggestion(error: GraphQLError): GraphQLError {
  const [message] = error.message.split(/ Did you mean /, 1);
  return new GraphQLError(message!, error);
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    extensions: { code },
  });
}
