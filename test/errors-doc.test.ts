/** docs/errors.md is the table of src/errors.ts, with advice. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ERRORS } from '../src/errors.ts';

const lines = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8').split('\n');
const rows = lines
  .filter((line) => /^\| `[A-Z]/.test(line))
  .map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );

it('has every code once, in the order of the table', () => {
  expect(rows.map(([code]) => code)).toEqual(Object.keys(ERRORS).map((code) => `\`${code}\``));
});

it.each(Object.entries(ERRORS))('says of %s what the table says, and what to check', (code, error) => {
  const [, status, fault, retryable, text, check] = rows.find(([name]) => name === `\`${code}\``) ?? [];
  expect({ status, fault, retryable, text }).toEqual({
    status: String(error.status),
    fault: error.fault,
    retryable: error.retryable ? 'yes' : 'no',
    text: error.text,
  });
  expect(check?.length).toBeGreaterThan(20);
});
