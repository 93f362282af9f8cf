/** `/api/…` on the admin listener: finds the route, checks who calls and what comes along, answers JSON or a problem. */
import type { ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Registry } from '../consumers/registry.ts';
import type { BodyMessage } from '../doors/body-message.ts';
import { Refusal } from '../doors/refusal.ts';
import { ONCE } from '../load/shape.ts';
import type { ApiRoute } from './api-route.ts';
import { readJsonBody } from './json-body.ts';
import { OPERATOR_ROUTES } from './operator-api.ts';
import { Portal } from './portal.ts';
import { SELF_ROUTES } from './self-api.ts';
import { send } from './send.ts';
import { requireToken } from './token.ts';
import { answerUsage, type UsageApi } from './usage-api.ts';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_ISSUES = 5;
const MAX_ISSUE_CHARACTERS = 200;
const SELF = '/api/self';
const SELF_USAGE = '/api/self/usage';

export interface ApiOptions {
  readonly token: string;
  readonly registry: Registry | undefined;
  /** Undefined where no usage is kept. */
  readonly usage: UsageApi | undefined;
}

export class Api {
  readonly #token: string;
  readonly #registry: Registry | undefined;
  readonly #portal: Portal;
  readonly #usage: UsageApi | undefined;

  constructor({ token, registry, usage }: ApiOptions) {
    this.#token = token;
    this.#registry = registry;
    this.#usage = usage;
    this.#portal = new Portal();
  }

  /** @throws {HemError} what the answer is to be instead */
  async answer(
    message: BodyMessage,
    response: ServerResponse,
    { path, search }: { readonly path: string; readonly search: string },
  ): Promise<void> {
    const isSelf = path === SELF || path.startsWith(`${SELF}/`);
    if (!isSelf) requireToken(message, this.#token);
    const registry = this.#registry;
    if (registry === undefined)
      throw new Refusal(
        'NOT_FOUND',
        'There are no plans to have keys for: this configuration has no clients/plans.yml.',
      );
    // Whoever was told by another process a moment ago that something is so, finds it so here.
    await registry.catchUp();
    const consumer = isSelf ? this.#portal.admit(message, registry.consumers) : '';
    if (path === SELF_USAGE && this.#usage !== undefined)
      return answerUsage(this.#usage, message, response, { search, consumer });
    const { route, params } = find(isSelf ? SELF_ROUTES : OPERATOR_ROUTES, message.method ?? '', path);
    const query = check(route.query, Object.fromEntries(new URLSearchParams(search)), 'The address');
    const body = check(route.body, await bodyOf(message), 'The body');
    const answer = await route.run({ registry, consumer, params, query, body });
    const text = `${JSON.stringify(answer)}\n`;
    send(response, { status: route.status ?? 200, contentType: 'application/json; charset=utf-8', text });
  }
}

/** @throws {Refusal} NOT_FOUND, METHOD_NOT_ALLOWED */
function find(
  routes: readonly ApiRoute[],
  method: string,
  path: string,
): { readonly route: ApiRoute; readonly params: readonly string[] } {
  const there = routes.flatMap((route) => {
    const match = route.pattern.exec(path);
    return match === null ? [] : [{ route, params: match.slice(1) }];
  });
  const wanted = method === 'HEAD' ? 'GET' : method;
  const found = there.find(({ route }) => route.method === wanted);
  if (found !== undefined) return { route: found.route, params: found.params.map(decode) };
  if (there.length === 0) throw new Refusal('NOT_FOUND');
  const methods = there.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]));
  const allow = [...new Set(methods)].join(', ');
  throw new Refusal('METHOD_NOT_ALLOWED', undefined, { allow });
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal('BAD_REQUEST', 'The address is not encoded as addresses are.');
  }
}

/** Other methods have no body that counts. */
async function bodyOf(message: BodyMessage): Promise<unknown> {
  if (message.method === 'POST') return readJsonBody(message, MAX_BODY_BYTES);
  await message.readBody(MAX_BODY_BYTES);
  return {};
}

/** @throws {Refusal} that names what is wrong, and repeats no value */
function check(shape: z.ZodType, value: unknown, what: string): never {
  const result = shape.safeParse(value, ONCE);
  if (result.success) return result.data as never;
  const issues = result.error.issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    const place = path.length === 0 ? '' : `"${path.map(String).join('.')}": `;
    return `${place}${message}`.slice(0, MAX_ISSUE_CHARACTERS);
  });
  throw new Refusal('BAD_REQUEST', `${what} is not as expected. ${issues.join('; ')}.`);
}
