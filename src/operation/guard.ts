/** Decides before anything is called what of an operation its caller may see. What an operation needs is kept with its document. */
import {
  type DocumentNode,
  type FieldNode,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { HemError } from '../errors.ts';
import type { Denials, Operation } from '../execute/engine.ts';
import { describeRule, type Rule } from '../load/auth-rule.ts';
import { conditionVariables } from '../plan/collect.ts';
import { ANONYMOUS, isMet, type Principal } from '../principal/principal.ts';
import type { View } from '../views/view.ts';
import { type Admitted, admitting } from './admitting.ts';
import { type Grant, type Grants, knowsPlans } from './grants.ts';
import { PerOperation } from './per-operation.ts';
import type { Policy } from './policy.ts';
import { type Refused, refusal, tooLarge } from './refusing.ts';
import type { PreparedOperation } from './request.ts';
import { type Requirement, type UsedField, type Uses, usesOf } from './requirements.ts';
import { ALL_GRANTED, type Ungranted, ungrantedOf } from './ungranted.ts';

/** Of one operation. */
const MAX_KEPT = 32;

/** Undefined where everybody may see everything. */
export function guarding(view: View, grants: Grants): Policy | undefined {
  if (view.rules === undefined && !knowsPlans(view)) return undefined;
  const guard = new Guard(view, grants);
  return admitting((operation, { principal }) => guard.admit(operation, principal));
}

class Guard {
  readonly #view: View;
  readonly #grants: Grants;
  readonly #operations: PerOperation<GuardedOperation>;

  constructor(view: View, grants: Grants) {
    this.#view = view;
    this.#grants = grants;
    this.#operations = new PerOperation(
      ({ document, operationName }) => new GuardedOperation(view, document, operationName),
    );
  }

  /** The operation as its caller may run it, or why not. */
  admit(operation: PreparedOperation, principal: Principal = ANONYMOUS): Admitted {
    const needs = this.#operations.get(operation).needsOf(operation.variables);
    if (needs === undefined) return { errors: [tooLarge()] };
    const grant = this.#grants.of(principal);
    const { any, refused } = grant === undefined ? ALL_GRANTED : needs.notIn(grant);
    let met = '';
    for (const rule of needs.rules) met += isMet(rule, principal) ? '1' : '0';
    if (!any && !met.includes('0')) return operation;
    const code = principal.kind === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN';
    const unmet = new Set(needs.rules.filter((_rule, index) => met[index] === '0').map(({ key }) => key));
    const denied = needs.requirements.filter(({ rule }) => unmet.has(rule.key));
    const reasons = [...refused, ...denied];
    // Of a subscription without its field there is nothing left.
    if (
      this.#view.client.auth?.denied === 'nullify'
        ? operation.kind === 'subscription' && reasons.some(({ isRoot }) => isRoot)
        : reasons.length > 0
    )
      return { errors: [refusal({ code, denied, ungranted: refused, grant }, this.#view)] };
    return {
      ...operation,
      denied: needs.denials(
        `${code} ${met} ${any ? grant?.id : ''}`,
        () => new Withheld(this.#view, { code, unmet, grant }),
      ),
    };
  }
}

/** What one operation needs, by the values of its conditions. */
class GuardedOperation {
  readonly #view: View;
  readonly #document: DocumentNode;
  readonly #operationName: string | undefined;
  /** Variables that `@skip` and `@include` stand on, and their defaults. */
  readonly #conditions: ReadonlyMap<string, unknown>;
  readonly #needs = new Map<string, Needs | undefined>();

  constructor(view: View, document: DocumentNode, operationName: string | undefined) {
    this.#view = view;
    this.#document = document;
    this.#operationName = operationName;
    const operation = getOperationAST(document, operationName) ?? undefined;
    const own = new Set(operation?.variableDefinitions?.map(({ variable }) => variable.name.value));
    this.#conditions = new Map(
      conditionVariables(document)
        .filter((name) => own.has(name))
        .map((name) => [name, defaultOf(operation, name)]),
    );
  }

  /** Undefined when there is more than may be walked. */
  needsOf(variables: Operation['variables']): Needs | undefined {
    let id = '';
    for (const [name, preset] of this.#conditions) {
      const given = Object.hasOwn(variables, name) ? variables[name] : preset;
      // Null, or nothing that will be executed: then all counts that may be there.
      id += typeof given === 'boolean' ? Number(given) : '?';
    }
    if (this.#needs.has(id)) return this.#needs.get(id);
    const conditions = id.includes('?')
      ? undefined
      : new Map([...this.#conditions.keys()].map((name, index) => [name, id[index] === '1'] as const));
    const uses = usesOf(this.#view, this.#document, this.#operationName, conditions);
    const needs = uses === undefined ? undefined : new Needs(uses);
    if (this.#needs.size >= MAX_KEPT) this.#needs.clear();
    this.#needs.set(id, needs);
    return needs;
  }
}

function defaultOf(operation: OperationDefinitionNode | undefined, name: string): unknown {
  const value = operation?.variableDefinitions?.find(
    ({ variable }) => variable.name.value === name,
  )?.defaultValue;
  return value?.kind === Kind.BOOLEAN ? value.value : undefined;
}

class Needs {
  readonly requirements: readonly Requirement[];
  /** Each once. */
  readonly rules: readonly Rule[];
  readonly #fields: readonly UsedField[];
  readonly #notIn = new WeakMap<Grant, Ungranted>();
  readonly #denials = new Map<string, Denials>();

  constructor({ requirements, fields }: Uses) {
    this.requirements = requirements;
    this.rules = [...new Map(requirements.map(({ rule }) => [rule.key, rule])).values()];
    this.#fields = fields;
  }

  /** What is asked for that a plan does not grant. */
  notIn(grant: Grant): Ungranted {
    const known = this.#notIn.get(grant);
    if (known !== undefined) return known;
    const found = ungrantedOf(this.#fields, grant);
    this.#notIn.set(grant, found);
    return found;
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

interface Unmet {
  /** What rules that are not met are refused with. */
  readonly code: Refused['code'];
  /** Keys of rules. */
  readonly unmet: ReadonlySet<string>;
  readonly grant: Grant | undefined;
}

/** Holds nothing of a caller but the plan, and which rules were not met. */
class Withheld implements Denials {
  readonly #view: View;
  readonly #unmet: Unmet;

  constructor(view: View, unmet: Unmet) {
    this.#view = view;
    this.#unmet = unmet;
  }

  denialOf(typeName: string, node: FieldNode): HemError | undefined {
    const { code, unmet, grant } = this.#unmet;
    if (grant?.denied.has(`${typeName}.${node.name.value}`)) {
      const { name } = grant.plan;
      return new HemError('FORBIDDEN', {
        publicText: `The plan "${name}" does not grant this.`,
        publicDetails: { plan: name },
      });
    }
    const rule = this.#view.rules?.ruleOf(typeName, node);
    if (rule === undefined || !unmet.has(rule.key)) return undefined;
    const publicText = `This needs ${describeRule(rule)}.`;
    return new HemError(code, { publicText, publicDetails: { scopes: rule.scopes } });
  }
}
