/** Decides before anything is called what of an operation its caller may see. What an operation needs is kept with its document. */
import type { FieldNode } from 'graphql';
import { HemError } from '../../errors.ts';
import type { Denials } from '../../execute/engine.ts';
import { describeRule, type Rule } from '../../load/directives/auth-rule.ts';
import { ANONYMOUS, isMet, type Principal } from '../../principal/principal.ts';
import type { View } from '../../views/view.ts';
import { type Admitted, admitting } from '../admitting.ts';
import { PerConditions } from '../per-conditions.ts';
import type { Policy } from '../policy.ts';
import type { PreparedOperation } from '../request.ts';
import { tooMuchToJudge } from '../too-large.ts';
import { type Grant, type Grants, knowsPlans } from './grants.ts';
import { type Refused, refusal } from './refusing.ts';
import { type Requirement, type UsedField, type Uses, usesOf } from './requirements.ts';
import { ALL_GRANTED, type Ungranted, ungrantedOf } from './ungranted.ts';

/** Of one operation's denials. */
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
  /** Undefined when there is more than may be walked. */
  readonly #needs: PerConditions<Needs | undefined>;

  constructor(view: View, grants: Grants) {
    this.#view = view;
    this.#grants = grants;
    this.#needs = new PerConditions((document, operationName, conditions) => {
      const uses = usesOf(view, document, operationName, conditions);
      return uses === undefined ? undefined : new Needs(uses);
    });
  }

  /** The operation as its caller may run it, or why not. */
  admit(operation: PreparedOperation, principal: Principal = ANONYMOUS): Admitted {
    const needs = this.#needs.get(operation);
    if (needs === undefined) return { errors: [tooMuchToJudge()] };
    if (needs.metBy.has(principal)) return operation;
    const grant = this.#grants.of(principal);
    const { any, refused, unknown } = grant === undefined ? ALL_GRANTED : needs.notIn(grant);
    let met = '';
    for (const rule of needs.rules) met += isMet(rule, principal) ? '1' : '0';
    if (!any && !met.includes('0')) {
      needs.metBy.add(principal);
      return operation;
    }
    const code = principal.kind === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN';
    const unmet = new Set(needs.rules.filter((_rule, index) => met[index] === '0').map(({ key }) => key));
    // Of what the caller cannot know of it does not matter what else it would take.
    const denied = needs.requirements.filter(
      ({ rule, coordinate }) => unmet.has(rule.key) && !unknown.has(coordinate),
    );
    const reasons = [...refused, ...denied];
    // Of a subscription without its field there is nothing left.
    if (
      this.#view.client.auth?.denied === 'nullify'
        ? operation.kind === 'subscription' && reasons.some(({ isRoot }) => isRoot)
        : reasons.length > 0
    )
      return {
        errors: [
          refusal({ document: operation.document, code, denied, ungranted: refused, grant }, this.#view),
        ],
      };
    return {
      ...operation,
      denied: needs.denials(
        `${code} ${met} ${any ? grant?.id : ''}`,
        () => new Withheld(this.#view, { code, unmet, grant: any ? grant : undefined }),
      ),
    };
  }
}

class Needs {
  readonly requirements: readonly Requirement[];
  /** Each once. */
  readonly rules: readonly Rule[];
  /** Who may see all of it. A caller of whom something changes is another principal. */
  readonly metBy = new WeakSet<Principal>();
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
    const found = ungrantedOf(this.#fields, grant.denied);
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
    if (grant?.denied.fields.has(`${typeName}.${node.name.value}`)) {
      const { name } = grant.plan;
      return new HemError('FORBIDDEN', {
        publicText: `The plan "${name}" does not grant this.`,
        // The name of a type that the plan takes away is nobody's business who has it.
        publicDetails: { plan: name, ...(grant.denied.types.has(typeName) && { coordinate: undefined }) },
      });
    }
    const rule = this.#view.rules?.ruleOf(typeName, node);
    if (rule === undefined || !unmet.has(rule.key)) return undefined;
    const publicText = `This needs ${describeRule(rule)}.`;
    return new HemError(code, { publicText, publicDetails: { scopes: rule.scopes } });
  }
}
