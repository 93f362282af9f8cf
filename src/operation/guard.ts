/** Decides before anything is called what of an operation its caller may see. What an operation needs is kept with its document. */
import { type DocumentNode, type FieldNode, GraphQLError } from 'graphql';
import { ERRORS, HemError } from '../errors.ts';
import type { Denials, Operation } from '../execute/engine.ts';
import { describeRule, type Rule } from '../load/auth-rule.ts';
import { ANONYMOUS, isMet, type Principal } from '../principal/principal.ts';
import type { View } from '../views/view.ts';
import { type Admitted, admitting } from './admitting.ts';
import { OperationConditions } from './conditions.ts';
import { PerOperation } from './per-operation.ts';
import type { Policy } from './policy.ts';
import type { PreparedOperation } from './request.ts';
import { type Requirement, requirementsOf } from './requirements.ts';

/** Of one operation. */
const MAX_KEPT = 32;
/** Named in one refusal. */
const MAX_NAMED = 100;

/** Undefined where everybody may see everything. */
export function guarding(view: View): Policy | undefined {
  if (view.rules === undefined) return undefined;
  const guard = new Guard(view);
  return admitting((operation, { principal }) => guard.admit(operation, principal));
}

class Guard {
  readonly #view: View;
  readonly #operations: PerOperation<GuardedOperation>;

  constructor(view: View) {
    this.#view = view;
    this.#operations = new PerOperation(
      ({ document, operationName }) => new GuardedOperation(view, document, operationName),
    );
  }

  /** The operation as its caller may run it, or why not. */
  admit(operation: PreparedOperation, principal: Principal = ANONYMOUS): Admitted {
    const needs = this.#operations.get(operation).needsOf(operation.variables);
    if (needs === undefined) return { errors: [tooLarge()] };
    if (needs.rules.length === 0) return operation;
    let met = '';
    for (const rule of needs.rules) met += isMet(rule, principal) ? '1' : '0';
    if (!met.includes('0')) return operation;
    const code = principal.kind === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN';
    const unmet = new Set(needs.rules.filter((_rule, index) => met[index] === '0').map(({ key }) => key));
    const denied = needs.requirements.filter(({ rule }) => unmet.has(rule.key));
    const isSubscription = operation.kind === 'subscription';
    // Of a subscription without its field there is nothing left.
    if (
      this.#view.client.auth?.denied !== 'nullify' ||
      (isSubscription && denied.some(({ isRoot }) => isRoot))
    )
      return { errors: [refusal(code, denied)] };
    return {
      ...operation,
      denied: needs.denials(`${code} ${met}`, () => new UnmetRules(this.#view, code, unmet)),
    };
  }
}

/** What one operation needs, by the values of its conditions. */
class GuardedOperation {
  readonly #view: View;
  readonly #document: DocumentNode;
  readonly #operationName: string | undefined;
  readonly #conditions: OperationConditions;
  readonly #needs = new Map<string, Needs | undefined>();

  constructor(view: View, document: DocumentNode, operationName: string | undefined) {
    this.#view = view;
    this.#document = document;
    this.#operationName = operationName;
    this.#conditions = new OperationConditions(document, operationName);
  }

  /** Undefined when there is more than may be walked. */
  needsOf(variables: Operation['variables']): Needs | undefined {
    const id = this.#conditions.idOf(variables);
    if (this.#needs.has(id)) return this.#needs.get(id);
    const conditions = this.#conditions.valuesOf(id);
    const requirements = requirementsOf(this.#view, this.#document, this.#operationName, conditions);
    const needs = requirements === undefined ? undefined : new Needs(requirements);
    if (this.#needs.size >= MAX_KEPT) this.#needs.clear();
    this.#needs.set(id, needs);
    return needs;
  }
}

class Needs {
  readonly requirements: readonly Requirement[];
  /** Each once. */
  readonly rules: readonly Rule[];
  readonly #denials = new Map<string, Denials>();

  constructor(requirements: readonly Requirement[]) {
    this.requirements = requirements;
    this.rules = [...new Map(requirements.map(({ rule }) => [rule.key, rule])).values()];
  }

  /** Equal ones are one, because plans are kept by them. */
  denials(id: string, make: () => Denials): Denials {
    const known = this.#denials.get(id);
    if (known !== undefined) return known;
    if (this.#denials.size >= MAX_KEPT) this.#denials.clear();
    const made = make();
    this.#denials.set(id, made);
    return made;
  }
}

/** Holds nothing of a caller but which rules were not met. */
class UnmetRules implements Denials {
  readonly #view: View;
  readonly #code: 'UNAUTHENTICATED' | 'FORBIDDEN';
  readonly #unmet: ReadonlySet<string>;

  constructor(view: View, code: 'UNAUTHENTICATED' | 'FORBIDDEN', unmet: ReadonlySet<string>) {
    this.#view = view;
    this.#code = code;
    this.#unmet = unmet;
  }

  denialOf(typeName: string, node: FieldNode): HemError | undefined {
    const rule = this.#view.rules?.ruleOf(typeName, node);
    if (rule === undefined || !this.#unmet.has(rule.key)) return undefined;
    const publicText = `This needs ${describeRule(rule)}.`;
    return new HemError(this.#code, { publicText, publicDetails: { scopes: rule.scopes } });
  }
}

function refusal(code: 'UNAUTHENTICATED' | 'FORBIDDEN', denied: readonly Requirement[]): GraphQLError {
  const named = denied
    .slice(0, MAX_NAMED)
    .map(({ coordinate, rule }) => ({ coordinate, scopes: rule.scopes }));
  const names = [...new Set(denied.map(({ coordinate }) => coordinate))];
  const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
  const advice =
    code === 'UNAUTHENTICATED'
      ? 'send a token as "Authorization: Bearer …", or leave them out'
      : 'send a token with the scopes they need, or leave them out';
  return new GraphQLError(`${ERRORS[code].text.replace(/\.$/, '')}: ${shown}. To go on, ${advice}.`, {
    nodes: denied.slice(0, MAX_NAMED).flatMap(({ nodes }) => nodes.slice(0, 1)),
    extensions: { code, denied: named, ...(denied.length > MAX_NAMED ? { deniedCount: denied.length } : {}) },
  });
}

function tooLarge(): GraphQLError {
  const text =
    'The operation asks for more than can be judged: there are too many fields, counted for each type that may be there.';
  return new GraphQLError(text, { extensions: { code: 'OPERATION_TOO_LARGE' } });
}
