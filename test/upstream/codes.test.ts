/** What error codes of backends mean, for all kinds whose answers carry them. */
import { describe, expect, test } from 'vitest';
import { codes, ErrorCodes, knownCode, toSafeCode } from '../../src/upstream/codes.ts';

const own = new ErrorCodes(
  'rides',
  codes.parse({ GONE: 'not-found', NOT_FOUND: 'conflict', '404': 'limited' }),
);
const DETAIL = { detail: undefined };

describe('a code', () => {
  test.each([
    ['NOT_FOUND', 'UPSTREAM_NOT_FOUND'],
    ['TOO_MANY_REQUESTS', 'UPSTREAM_LIMITED'],
    ['FAILED_PRECONDITION', 'UPSTREAM_CONFLICT'],
    ['410', 'UPSTREAM_NOT_FOUND'],
    ['422', 'UPSTREAM_REJECTED'],
    ['599', 'UPSTREAM_FAILED'],
    ['302', undefined],
    ['4040', undefined],
    ['not_found', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
  ])('%s means %s', (code, expected) => {
    expect(knownCode(code)).toBe(expected);
  });

  test('means what connector.yml says, before all else', () => {
    expect(own.toError('GONE', 'failed', DETAIL)).toMatchObject({
      code: 'UPSTREAM_NOT_FOUND',
      status: 'GONE',
    });
    expect(own.toError('NOT_FOUND', 'failed', DETAIL).code).toBe('UPSTREAM_CONFLICT');
    expect(own.toError(404, 'failed', DETAIL).code).toBe('UPSTREAM_LIMITED');
  });

  test('that nobody knows means what is usual', () => {
    expect(own.toError('ODD', 'rejected', DETAIL).code).toBe('UPSTREAM_REJECTED');
    expect(own.toError({ code: 'GONE' }, 'failed', DETAIL)).toMatchObject({
      code: 'UPSTREAM_FAILED',
      status: undefined,
    });
  });

  test('that is a number of the protocol’s own is not taken for one of HTTP', () => {
    const about = { ...DETAIL, ownNumbers: true };
    expect(own.toError(429, 'rejected', about).code).toBe('UPSTREAM_REJECTED');
    expect(own.toError(404, 'rejected', about).code).toBe('UPSTREAM_LIMITED');
    expect(own.toError('UNAVAILABLE', 'rejected', about).code).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('is shown only if it is a short plain word or number', () => {
    expect([7, 'soap:Client', 'A.B-C_1'].map(toSafeCode)).toEqual(['7', 'soap:Client', 'A.B-C_1']);
    for (const unsafe of ['', 'two words', '\u001b[31m', 'x'.repeat(65), null, undefined, {}, true])
      expect(toSafeCode(unsafe)).toBeUndefined();
  });
});

test('details are bounded', () => {
  expect(own.toError('X', 'failed', { detail: { a: 1 } }).detail).toEqual({ a: 1 });
  expect(own.toError('X', 'failed', { detail: { a: 'x'.repeat(10_000) } }).detail).toHaveLength(4096);
  expect(own.toError('X', 'failed', { detail: null }).detail).toBeUndefined();
});

test('meanings are words of a list', () => {
  expect(codes.safeParse({ GONE: 'gone' }).success).toBe(false);
  expect(codes.safeParse({ '': 'failed' }).success).toBe(false);
});
