/** Plans stand in clients/plans.yml; here are the versions that they had. A version never changes: a change makes the next. */
import { type PlanSettings, planAsWritten } from '../load/settings/plan-settings.ts';
import type { RecordWrite } from '../store/record-store.ts';
import type { Ledger, Plan, PlanVersion } from './ledger.ts';
import { grown, type PlanMeanings } from './plan-meanings.ts';
import { conflict, notFound } from './refusals.ts';

export interface PlanChange {
  readonly plan: string;
  readonly version: number;
  readonly what: 'made' | 'retired' | 'back';
}

/** A selector of a version with subscriptions that means nothing any more. */
export interface LostSelector {
  readonly plan: string;
  readonly version: number;
  readonly selector: string;
  /** Approved ones. */
  readonly subscriptions: number;
}

export interface PlanView {
  readonly name: string;
  readonly title: string | null;
  readonly newest: number;
  readonly approval: PlanSettings['approval'];
  readonly clients: readonly string[];
  readonly retiredAt: string | null;
  readonly versions: ReadonlyArray<{
    readonly version: number;
    readonly createdAt: string;
    /** Approved ones. */
    readonly subscriptions: number;
  }>;
}

export class PlanVersions {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** What the file asks for that is not made yet. */
  pending(file: ReadonlyMap<string, PlanSettings>): readonly PlanChange[] {
    const { plans, planVersions } = this.#ledger;
    const asked = [...file].flatMap(([plan, settings]): readonly PlanChange[] => {
      const { newest, retiredAt } = plans.get(plan) ?? { newest: 0 };
      const made = planVersions.get(idOf(plan, newest));
      if (made === undefined || !isSame(made.settings, settings))
        return [{ plan, version: newest + 1, what: 'made' }];
      return retiredAt === undefined ? [] : [{ plan, version: newest, what: 'back' }];
    });
    const retired = plans
      .all()
      .filter(([plan, { retiredAt }]) => !file.has(plan) && retiredAt === undefined)
      .map(([plan, { newest }]): PlanChange => ({ plan, version: newest, what: 'retired' }));
    return [...asked, ...retired];
  }

  /** Makes the versions that the file asks for, and records what they and all others exclude by now. @returns what changed */
  sync(file: ReadonlyMap<string, PlanSettings>, meanings?: PlanMeanings): Promise<readonly PlanChange[]> {
    return this.#ledger.change(() => {
      const changes = this.pending(file);
      const made = changes.flatMap((change) => this.#make(change, file.get(change.plan), meanings));
      const recorded = meanings === undefined ? [] : this.#record(meanings);
      return { writes: [...made, ...recorded], result: changes };
    });
  }

  #make(
    { plan, version, what }: PlanChange,
    settings: PlanSettings | undefined,
    meanings: PlanMeanings | undefined,
  ): readonly RecordWrite[] {
    const { plans, planVersions, now } = this.#ledger;
    if (settings === undefined) return [plans.put(plan, { newest: version, retiredAt: now() })];
    const offered = plans.put(plan, { newest: version });
    if (what === 'back') return [offered];
    const excluded = meanings?.excludedBy(settings) ?? {};
    const made = { settings, createdAt: now(), excluded };
    return [planVersions.put(idOf(plan, version), made), offered];
  }

  #record(meanings: PlanMeanings): readonly RecordWrite[] {
    const { planVersions } = this.#ledger;
    return planVersions.all().flatMap(([id, kept]) => {
      const excluded = grown(kept.excluded ?? {}, meanings.excludedBy(kept.settings));
      return excluded === undefined ? [] : [planVersions.put(id, { ...kept, excluded })];
    });
  }

  /** What nobody was told of: the file is checked, earlier versions are not in it. */
  lostSelectors(meanings: PlanMeanings): readonly LostSelector[] {
    return this.list().flatMap(({ name: plan, versions }) =>
      versions
        .filter(({ subscriptions }) => subscriptions > 0)
        .flatMap(({ version, subscriptions }) =>
          meanings
            .meaningless(this.settingsOf(plan, version)!)
            .map((selector) => ({ plan, version, selector, subscriptions })),
        ),
    );
  }

  settingsOf(name: string, version: number): PlanSettings | undefined {
    return this.versionOf(name, version)?.settings;
  }

  versionOf(name: string, version: number): PlanVersion | undefined {
    return this.#ledger.planVersions.get(idOf(name, version));
  }

  /** What those see who may subscribe. */
  offers() {
    return this.#offeredNames()
      .sort()
      .map((name) => {
        const { newest, settings } = this.offered(name);
        const { title = null, description = null, approval, clients, limits } = planAsWritten(settings);
        // Which fields are meant is said in operators' words, tags among them; a caller's schema shows what that comes to.
        return { name, version: newest, title, description, approval, clients, limits };
      });
  }

  /** For a new subscription. @throws {HemError} NOT_FOUND, CONFLICT when it is retired */
  offered(name: string): Plan & { readonly settings: PlanSettings } {
    const plan = this.known(name);
    if (plan.retiredAt !== undefined)
      throw conflict(`The plan "${name}" is retired: it takes no new subscriptions.`);
    return { ...plan, settings: this.settingsOf(name, plan.newest)! };
  }

  /** @throws {HemError} NOT_FOUND when the plan does not grant one of them */
  checkClients(name: string, version: number, clients: readonly string[] = []): void {
    const granted = this.settingsOf(name, version)?.clients ?? [];
    for (const client of clients)
      if (!granted.includes(client)) throw notFound(`client in the plan "${name}":`, client, granted);
  }

  /** @throws {HemError} NOT_FOUND */
  known(name: string): Plan {
    const plan = this.#ledger.plans.get(name);
    if (plan === undefined) throw notFound('plan', name, this.#offeredNames());
    return plan;
  }

  list(): readonly PlanView[] {
    return this.#ledger.plans
      .all()
      .map(([name]) => this.show(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws {HemError} NOT_FOUND */
  show(name: string): PlanView {
    const { newest, retiredAt } = this.known(name);
    const { title, approval, clients } = this.settingsOf(name, newest)!;
    const approved = this.#ledger.subscriptions
      .all()
      .filter(([, { plan, state }]) => plan === name && state === 'approved');
    return {
      name,
      title: title ?? null,
      newest,
      approval,
      clients,
      retiredAt: retiredAt === undefined ? null : new Date(retiredAt).toISOString(),
      versions: Array.from({ length: newest }, (_, index) => ({
        version: index + 1,
        createdAt: new Date(this.#ledger.planVersions.get(idOf(name, index + 1))!.createdAt).toISOString(),
        subscriptions: approved.filter(([, { planVersion }]) => planVersion === index + 1).length,
      })),
    };
  }

  /** @param wanted "partner", or "partner@2". @throws {HemError} NOT_FOUND */
  find(wanted: string): {
    readonly plan: PlanView;
    readonly version: number;
    readonly content: PlanSettings;
  } {
    const [, name = wanted, number] = /^(.+)@(\d{1,9})$/.exec(wanted) ?? [];
    const plan = this.show(name);
    const version = number === undefined ? plan.newest : Number(number);
    const content = this.settingsOf(name, version);
    if (content === undefined)
      throw notFound('version of a plan', `${name}@${version}`, [`${name}@${plan.newest}`]);
    return { plan, version, content };
  }

  #offeredNames(): string[] {
    return this.#ledger.plans
      .all()
      .flatMap(([name, { retiredAt }]) => (retiredAt === undefined ? [name] : []));
  }
}

function idOf(name: string, version: number): string {
  return `${name}@${version}`;
}

/** Whether they say the same, in whatever order what has none was written. */
function isSame(one: PlanSettings, other: PlanSettings): boolean {
  return canonical(inOrder(one)) === canonical(inOrder(other));
}

function inOrder({ clients, fields, routes, scopes, ...rest }: PlanSettings) {
  return {
    ...rest,
    clients: set(clients),
    fields: { include: set(fields.include), exclude: set(fields.exclude) },
    routes: { include: set(routes.include), exclude: set(routes.exclude) },
    scopes: set(scopes),
  };
}

function set(texts: readonly string[] | undefined): readonly string[] | undefined {
  return texts && [...new Set(texts)].sort();
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join()}}`;
}
