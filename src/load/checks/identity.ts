/** Checks `identity` of connector.yml beyond its shape: templates, keys, and that nobody else writes the same headers. */

import { type IdentityTokenSettings, identityHeadersOf } from '../../connectors/identity-settings.ts';
import type { CommonSettings } from '../../connectors/settings.ts';
import { readSigningKey } from '../../connectors/signing-key.ts';
import { GrammarError } from '../../mapping/path.ts';
import { parseTemplate, referencesOf } from '../../mapping/template.ts';
import { rootOf } from '../../mapping/values.ts';
import { didYouMean, type Problem } from '../../problems.ts';

type Report = (path: readonly (string | number)[], problem: Omit<Problem, 'at'>) => void;

export function checkIdentity(settings: CommonSettings, report: Report): void {
  const { identity } = settings;
  if (identity === 'none') return;
  checkOwnership(settings, report);
  if (identity === 'forward') return;
  if ('headers' in identity) {
    for (const [name, template] of Object.entries(identity.headers))
      checkTemplate(template, (problem) => report(['identity', 'headers', name], problem));
  }
  if ('token' in identity)
    checkToken(identity.token, (path, problem) => report(['identity', 'token', ...path], problem));
}

/** Hem reads these itself, or writes them into every call. */
const TAKEN: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'cookie',
  'origin',
  'x-api-key',
  'x-request-id',
  'x-requested-with',
  'sec-fetch-site',
  'graphql-require-preflight',
  'apollo-require-preflight',
  'access-control-request-headers',
  'traceparent',
  'tracestate',
  'baggage',
]);

/** A header that two write is one that may say who somebody else is. */
function checkOwnership(settings: CommonSettings, report: Report): void {
  const { identity, auth, headers } = settings;
  const isMap = typeof identity === 'object' && 'headers' in identity;
  for (const name of identityHeadersOf(identity)) {
    const owner = ownerOf(name, auth, headers);
    const isTaken = TAKEN.has(name) || (isMap && name === 'authorization');
    if (owner === undefined && !isTaken) continue;
    report(isMap ? ['identity', 'headers', name] : ['identity'], {
      rule: 'identity-header',
      message:
        owner === undefined
          ? 'This header cannot say who calls: it has a meaning of its own.'
          : `"identity" and "${owner}" would both write this header.`,
      found: name,
      hint:
        owner === 'headers.forward'
          ? 'take it out there: a caller could say who he is himself'
          : owner === 'auth' && typeof identity === 'object' && 'token' in identity
            ? '"identity: { token: { header: … } }" takes another header'
            : undefined,
    });
  }
}

function ownerOf(
  name: string,
  auth: CommonSettings['auth'],
  { forward, set }: CommonSettings['headers'],
): string | undefined {
  // Some servers read "x_user" and "x-user" as one.
  const same = (other: string) => other.replaceAll('_', '-') === name.replaceAll('_', '-');
  if (forward.some(same)) return 'headers.forward';
  if (Object.keys(set).some(same)) return 'headers.set';
  if (auth === 'none') return undefined;
  return same('header' in auth ? auth.header.name : 'authorization') ? 'auth' : undefined;
}

const FACTS = ['consumer', 'key', 'plan', 'spiffe', 'subject', 'address'];

function checkTemplate(text: string, report: (problem: Omit<Problem, 'at'>) => void): void {
  const rule = 'identity-template';
  const expected = `${FACTS.map((name) => `{${name}}`).join(', ')} or a claim such as {claims.sub}`;
  try {
    const references = referencesOf(parseTemplate(text));
    if (references.length === 0) {
      report({
        rule,
        message: 'This says the same of every caller.',
        expected,
        hint: 'what never changes belongs under "headers: { set: … }"',
      });
    }
    for (const reference of references) {
      const root = rootOf(reference);
      const isFact = reference.source === 'args' && FACTS.includes(root) && reference.path.length === 1;
      if (isFact || reference.source === 'claims') continue;
      const hint = didYouMean(root, FACTS);
      report({
        rule,
        message: 'Nothing of this name is known of callers.',
        found: reference.text,
        expected,
        hint,
      });
    }
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    report({
      rule,
      message: `This template breaks off at character ${error.offset + 1}.`,
      found: error.found,
      expected: error.expected,
    });
  }
}

/** What Hem says of callers in its own words. */
const OWN_CLAIMS: ReadonlySet<string> = new Set([
  ...['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'],
  ...['sub_iss', 'act', 'scope', 'consumer', 'spiffe_id'],
]);

function checkToken({ key, algorithm, keyId, claims }: IdentityTokenSettings, report: Report): void {
  const read = readSigningKey(key, algorithm, keyId);
  if ('expected' in read) {
    report(['key'], {
      rule: 'identity-key',
      message: `Nothing can be signed by ${algorithm} with this key.`,
      expected: read.expected,
    });
  }
  for (const [index, name] of claims.entries()) {
    if (!OWN_CLAIMS.has(name)) continue;
    report(['claims', index], {
      rule: 'identity-claims',
      message: 'Hem says this itself, and not in the words of a caller.',
      found: name,
      expected: `other claims than ${[...OWN_CLAIMS].join(', ')}`,
    });
  }
}
