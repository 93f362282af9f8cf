/** A client's documents: parsed, measured and validated once, kept in a bounded cache. Nothing of a request is kept with them. */
import {
  type DocumentNode,
  type FloatValueNode,
  GraphQLError,
  GraphQLFloat,
  type GraphQLSchema,
  getNamedType,
  type IntValueNode,
  Kind,
  NoFragmentCyclesRule,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  specifiedRules,
  UniqueFragmentNamesRule,
  type ValidationRule,
  validate,
} from 'graphql';
import { isIncremental } from '../execute/incremental-directives.ts';
import type { Trace } from '../execute/trace.ts';
import type { OperationLimits } from '../load/settings/settings.ts';
import { parseDocument } from '../mapping/parse-document.ts';
import { argumentOf, type IncrementalUse, incrementalUses } from '../plan/incremental.ts';
import { CYCLE, checkOverlaps, checkSize, checkText, tooLarge } from './document-limits.ts';
import { tooMuchToValidate } from './too-large.ts';

/** Fit to be executed, or the reasons why not. */
export type CheckedDocument =
  | {
      readonly document: DocumentNode;
      /** Of the operations in which something is deferred or streamed; undefined where there is none. */
      readonly incremental?: ReadonlyMap<OperationDefinitionNode, IncrementalUse> | undefined;
    }
  | { readonly errors: readonly GraphQLError[] };

/** Finding one changes nothing in the Map: see `src/doors/in-flight.ts`. */
interface Kept {
  readonly checked: CheckedDocument;
  /** Asked for since it was last looked at for room. */
  isRecent: boolean;
}

const MAX_KEPT = 1000;
/** Of all texts together. What is made of a text takes some hundred bytes per character. */
const MAX_KEPT_CHARACTERS = 500_000;
/** Longer texts are not kept: a few of them would outweigh all others. */
const MAX_CHARACTERS_OF_ONE = 100_000;
const MAX_ERRORS = 20;

export class Documents {
  readonly #schema: GraphQLSchema;
  readonly #limits: OperationLimits;
  readonly #introspection: boolean;
  readonly #rules: readonly ValidationRule[];
  readonly #kept = new Map<string, Kept>();
  #characters = 0;

  constructor(schema: GraphQLSchema, limits: OperationLimits, introspection: boolean) {
    this.#schema = schema;
    this.#limits = limits;
    this.#introspection = introspection;
    this.#rules = [
      ...specifiedRules,
      finiteNumbers,
      initialCounts,
      ...(introspection ? [] : [NoSchemaIntrospectionCustomRule]),
    ];
  }

  check(text: string): CheckedDocument {
    const known = this.#kept.get(text);
    if (known !== undefined) {
      known.isRecent = true;
      return known.checked;
    }
    const checked = this.#check(text);
    // Refused documents are not kept: a flood of them would push out the good ones.
    if ('document' in checked && text.length <= MAX_CHARACTERS_OF_ONE) {
      this.#characters += text.length;
      this.#makeRoom();
      this.#kept.set(text, { checked, isRecent: false });
    }
    return checked;
  }

  /** The oldest go first; those that were asked for since they were last looked at are spared once. */
  #makeRoom(): void {
    for (const [text, kept] of this.#kept) {
      if (this.#kept.size < MAX_KEPT && this.#characters <= MAX_KEPT_CHARACTERS) return;
      this.#kept.delete(text);
      if (kept.isRecent) {
        kept.isRecent = false;
        this.#kept.set(text, kept);
      } else this.#characters -= text.length;
    }
  }

  /** The same for a trace. */
  trace(text: string, trace: Trace): CheckedDocument {
    trace.enter('document');
    const isKept = this.#kept.has(text);
    const checked = this.check(text);
    trace.leave(isKept);
    return checked;
  }

  /** The errors of a refused document, with suggestions out of what a caller may know. */
  suggestFrom(schema: GraphQLSchema, text: string, errors: readonly GraphQLError[]): readonly GraphQLError[] {
    if (!errors.some(({ message }) => SUGGESTION.test(message))) return errors;
    const document = parseDocument(text, { maxTokens: this.#limits.tokens });
    const shown = validate(schema, document, this.#rules, { maxErrors: MAX_ERRORS });
    return errors.map((error) => {
      const bare = withoutSuggestion(error);
      const allowed = shown.find(
        (other) => String(withoutSuggestion(other)) === String(bare) && SUGGESTION.test(other.message),
      );
      return allowed === undefined ? bare : withCode(allowed, 'GRAPHQL_VALIDATION_FAILED');
    });
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
    const found = checkSize(document, this.#limits) ?? checkOverlaps(document);
    if (found instanceof GraphQLError) return { errors: [found] };
    // What has cycles is not compared and not counted any further: it is never accepted.
    const rules = found === CYCLE ? [UniqueFragmentNamesRule, NoFragmentCyclesRule] : this.#rules;
    const errors = validate(this.#schema, document, rules, {
      maxErrors: MAX_ERRORS,
      hideSuggestions: !this.#introspection,
    });
    if (errors.length === 0)
      return found === CYCLE ? { errors: [tooMuchToValidate()] } : this.#withParts(document, text);
    if (errors.some(({ message }) => message === GIVEN_UP)) return { errors: [tooMuchToValidate()] };
    return {
      errors: errors.map((error) =>
        withCode(this.#introspection ? error : withoutSuggestion(error), 'GRAPHQL_VALIDATION_FAILED'),
      ),
    };
  }

  /** What may come later is counted with the help of types, so after validation. */
  #withParts(document: DocumentNode, text: string): CheckedDocument {
    if (!/defer|stream/.test(text)) return { document };
    const incremental = incrementalUses(this.#schema, document);
    const allowed = this.#limits.deferred;
    for (const { parts } of incremental?.values() ?? []) {
      if (parts > allowed)
        return {
          errors: [
            tooLarge('deferred fragments and streamed lists (ten for each inside a list)', parts, allowed),
          ],
        };
    }
    return { document, incremental };
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

/** graphql-js finds it while executing, as an error of the field that no caller could read. */
const initialCounts: ValidationRule = (context) => ({
  Directive(node) {
    const count = argumentOf(node, 'initialCount');
    if (!isIncremental(node) || count?.kind !== Kind.INT || !count.value.startsWith('-')) return;
    context.reportError(
      new GraphQLError('A streamed list cannot begin with a negative number of items.', { nodes: node }),
    );
  },
});

/** What graphql-js says of a document that it has spent all its time on. */
const GIVEN_UP = 'Validation aborted.';

const SUGGESTION = / Did you mean /;

/** One rule suggests also where suggestions are hidden: that a field has fields of its own. */
function withoutSuggestion(error: GraphQLError): GraphQLError {
  const [message] = error.message.split(SUGGESTION, 1);
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
