/** Random operations cost what they were put together to cost, and their answers never more. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { answerLibrary, libraryFiles } from './library.ts';
import { readLimits } from './rate-limit.ts';

const OPERATIONS = 150;
/** More than all operations together may cost. */
const PLENTY = 1e12;

let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(answerLibrary);
  gateway = await startGateway({
    files: libraryFiles(backend.url, {
      none: 'cost: { maximum: 0 }',
      plenty: `cost: { chargeExcess: true }\nquotas: [{ name: plenty, unit: cost, limit: ${PLENTY}, per: month, by: client }]`,
    }),
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

interface Asked {
  readonly text: string;
  readonly cost: number;
}

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Puts operations together field by field, each under a name of its own, and adds up what each costs. */
class Operations {
  readonly variables: Record<string, number> = {};
  readonly #random: () => number;
  #names = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  query(): Asked {
    const { text, cost } = this.#some([
      () => this.#leaf('dear', 5),
      () => this.#leaf('text', 2.5),
      () => this.#leaf('plain', 0),
      () => this.#object('author', this.#author(2)),
      () => this.#list('known', 3, this.#author(2)),
      () => this.#list('authors', 10, this.#author(1)),
      () => this.#sized('books', this.#book(2)),
      () => this.#object('search(first: 4)', this.#within('items', 4, this.#book(1))),
      () => this.#list('genres', 10, { text: '', cost: 0.5 }),
    ]);
    const names = Object.keys(this.variables);
    const head = names.length === 0 ? '' : `query (${names.map((name) => `$${name}: Int`).join(', ')})`;
    return { text: `${head} { ${text} }`, cost: Math.ceil(cost) };
  }

  #author(depth: number): Asked {
    const inner = this.#some([
      () => this.#leaf('name', 0),
      () => this.#leaf('genre', 0.5),
      () => this.#leaf('isbn', 4),
      ...(depth === 0
        ? []
        : [
            () => this.#object('best', this.#book(depth - 1)),
            () => this.#sized('books', this.#book(depth - 1)),
          ]),
    ]);
    return { text: inner.text, cost: 1 + inner.cost };
  }

  #book(depth: number): Asked {
    const inner = this.#some([
      () => this.#leaf('title', 0),
      ...(depth === 0 ? [] : [() => this.#object('author', this.#author(depth - 1))]),
    ]);
    return { text: inner.text, cost: 3 + inner.cost };
  }

  #some(choices: ReadonlyArray<() => Asked>): Asked {
    const all = Array.from({ length: 1 + this.#below(3) }, () => choices[this.#below(choices.length)]!());
    const text = all.map((one) => (this.#below(4) === 0 ? `... { ${one.text} }` : one.text)).join(' ');
    return { text, cost: all.reduce((sum, { cost }) => sum + cost, 0) };
  }

  #leaf(field: string, cost: number): Asked {
    return { text: `${this.#name()}: ${field}`, cost };
  }

  #object(field: string, of: Asked): Asked {
    return { text: `${this.#name()}: ${field} { ${of.text} }`, cost: of.cost };
  }

  #list(field: string, size: number, of: Asked): Asked {
    const selection = of.text === '' ? '' : ` { ${of.text} }`;
    return { text: `${this.#name()}: ${field}${selection}`, cost: size * of.cost };
  }

  /** An object with a list in it. */
  #within(field: string, size: number, of: Asked): Asked {
    const list = this.#list(field, size, of);
    return { text: list.text, cost: 1 + list.cost };
  }

  #sized(field: string, of: Asked): Asked {
    const size = this.#below(7);
    if (this.#below(2) === 0) return this.#list(`${field}(first: ${size})`, size, of);
    const variable = `v${Object.keys(this.variables).length}`;
    this.variables[variable] = size;
    return this.#list(`${field}(first: $${variable})`, size, of);
  }

  #name(): string {
    return `f${++this.#names}`;
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }
}

test(`${OPERATIONS} operations`, { timeout: 60_000 }, async () => {
  const seed = Number(process.env.HEM_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  const random = randomFrom(seed);
  const leftOf = async () =>
    readLimits((await gateway.query('plenty', '{ plain }')).headers).plenty!.remaining!;
  let left = await leftOf();
  for (let count = 0; count < OPERATIONS; count++) {
    const operations = new Operations(random);
    const { text, cost } = operations.query();
    const { variables } = operations;
    const refused = (await gateway.query('none', text, { variables })).body.errors?.[0];
    expect(refused?.extensions.cost ?? 0, text).toBe(cost);
    const { body } = await gateway.query('plenty', text, { variables });
    expect(body.errors, text).toBeUndefined();
    const now = await leftOf();
    expect(left - now, text).toBeGreaterThanOrEqual(0);
    expect(left - now, text).toBeLessThanOrEqual(cost);
    left = now;
  }
});
