/**
 * The compiled engine against the reference engine (data and errors), the monolith and the stitched graph (data), on random operations, variables and faults
 * of backends. `HEM_ORACLE_CASES` and `HEM_ORACLE_SEED` make it longer or repeat it.
 */
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DRAWN_ON_THE_TEST_GRAPH, neverDrawn } from './drawn.ts';
import { openMonolith } from './monolith.ts';
import { openNasty } from './nasty.ts';
import { nastyOracle } from './nasty-oracle.ts';
import { consult, describeFinding, describeTally, judge, type Oracle } from './oracle.ts';
import { openStitched, type StitchedWitness } from './stitched.ts';
import type { Case, Subject } from './subject.ts';
import type { Witness } from './witness.ts';

const CASES = Number(process.env.HEM_ORACLE_CASES ?? 2000);
const SEED = Number(process.env.HEM_ORACLE_SEED ?? Math.floor(Math.random() * 1_000_000_000));
const MS_PER_CASE = 200;

let subject: Subject;
let oracle: Oracle;
let stitched: StitchedWitness;

beforeAll(async () => {
  subject = await openNasty();
  const monolith = openMonolith(subject);
  stitched = openStitched(subject);
  const witness: Witness = async (one, data) => (await monolith(one, data)) ?? (await stitched(one, data));
  oracle = { ...nastyOracle(subject), witness };
});
afterAll(() => subject?.[Symbol.asyncDispose]());

describe('the nastiest dozen', () => {
  const DOZEN: ReadonlyArray<readonly [string, Case]> = [
    [
      'lists of lists with nulls inside and non-null items',
      ask(
        'whole',
        '{ shelves { code dust } books(first: 8) { genres grid { id related { id } } versions { no book { grid { title } } } } }',
      ),
    ],
    [
      'an interface of entities from four places: records, stubs with a type, batches, one by one',
      ask(
        'whole',
        '{ nodes(first: 6) { __typename id ... on Book { stars sequel { id title ... on Film { awards } } } ... on Game { maker { __typename name ... on Robot { model(long: true) owner { name } } } } } being(id: "r1") { name ... on Robot { owner { mentor { id } } } } }',
      ),
    ],
    [
      'discriminators: plain, mapped, nested, unset, hidden',
      ask(
        'narrow',
        '{ search { __typename ... on Note { about { title } } ... on Book { genre genres } } oddities { __typename ... on Stamp { worth shows { title } } } guests { __typename } }',
      ),
    ],
    [
      'requirements over two hops, through lists and through a selective connector',
      ask(
        'whole',
        '{ books(first: 8) { sticker(loud: true) crate postage(zone: null) { cost zone from { label(upper: true) dust } } } }',
      ),
    ],
    [
      'fallbacks where a record is missing and where a backend fails',
      ask(
        'whole',
        '{ books(first: 8) { votes strict { no } pages authors { must } } nodes(ids: ["f1", "f2"]) { ... on Film { awards } } }',
        { faults: '7:80' },
      ),
    ],
    [
      'composite and nested keys, and a second key',
      ask(
        'whole',
        '{ books(first: 8) { shelf { code row dust width label } series { slug org { id } number name volumes { title } } } nodes(ids: ["f1", "f2", "f3", "f4"]) { ... on Film { series { slug name org { id } } } } }',
      ),
    ],
    [
      'names that objects inherit, as fields and as aliases',
      ask(
        'whole',
        '{ __proto__: constructor { constructor then length hasOwnProperty toString(max: 1) valueOf { __proto__: valueOf { then length } } } constructor { hasOwnProperty } then: number toString: __typename }',
      ),
    ],
    [
      'one field under several names with other arguments, inside one record',
      ask(
        'whole',
        'query($s: Style, $m: Int) { everyone { nick a: nick(style: LONG) b: nick(style: $s, max: $m) c: nick(max: 1) best { nick(style: LONG) } friends(order: LONG) { nick } } }',
        { variables: { m: 2 } },
      ),
    ],
    [
      'two view types of one graph type that lock other arguments',
      ask(
        'shop',
        '{ volumes(first: 8) { editor { nick friends { nick } } writers { nick best { nick } friends { nick bestNick(max: 2) } } editorShort editorNick editorPets { called ... on Puppy { metres owner { nick } } } } }',
      ),
    ],
    [
      'flattened through records, lookups and calls',
      ask(
        'shop',
        '{ deeply twenty text(max: 3) tangled volumes(first: 8) { rackLabel rackBooks { cost } from { number dust } cost loudBy seriesVolumes { seriesName } editorWrote { key } editorMust } }',
        { faults: '9:20' },
      ),
    ],
    [
      'null that propagates through lists from several places at once',
      ask(
        'whole',
        '{ books(first: 8) { parts { no inner { no } } strict { no } reviews { stars by { address { city } } } } }',
        { faults: '11:300' },
      ),
    ],
    [
      'merged selections below conditions',
      ask(
        'whole',
        'query($yes: Boolean!, $no: Boolean = false) { ...A @skip(if: $no) person(id: "1") { best @include(if: $no) { name } ... @include(if: $yes) { best { id } } } ...A } fragment A on Query { person(id: "1") { pets { ... on Cat { lives } ...P } best { city } } } fragment P on Pet { name ... on Dog { size(unit: "m") } }',
        { variables: { yes: true } },
      ),
    ],
    [
      'mutations, one after the other',
      ask(
        'shop',
        'mutation { a: retitle(book: "1", to: "x") { name editorName } hello b: retitle(book: "99") { key } c: retitle(book: "1") { name } }',
      ),
    ],
    [
      'a subscription with joins',
      ask(
        'whole',
        'subscription { personMoved(id: "7", times: 3) { id nick(style: LONG) written { title stars } favourites { blurb } } }',
      ),
    ],
    [
      'a subscription of a union',
      ask(
        'narrow',
        'subscription { guestCame { __typename ... on Person { name likes { title } } ... on Cat { lives } } }',
      ),
    ],
    ['a flattened subscription', ask('shop', 'subscription { movedCity }')],
    [
      'a subscription whose backend fails',
      ask('whole', 'subscription { personMoved { must name best { name } written { title } } }', {
        faults: '5:300',
      }),
    ],
  ];
  test.each(DOZEN)('%s', async (_name, one) => {
    expect((await judge(oracle, one)).difference).toBeUndefined();
  });
});

describe('what ever failed', async () => {
  const folder = new URL('./kept/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  test.each(files.map((name) => [name.replace('.json', '')]))('%s', async (name) => {
    const one = JSON.parse(await readFile(new URL(`${name}.json`, folder), 'utf8')) as Case;
    expect((await judge(oracle, one)).difference).toBeUndefined();
  });
});

test(`${CASES} random cases from seed ${SEED}`, { timeout: 30_000 + CASES * MS_PER_CASE }, async () => {
  const tally = await consult(oracle, { seed: SEED, cases: CASES });
  console.log(`${describeTally(tally, SEED)}\n  the stitched graph judged ${stitched.judged()}, too`);
  expect(tally.findings.map(describeFinding).join('\n\n')).toBe('');
  expect(neverDrawn(tally, DRAWN_ON_THE_TEST_GRAPH)).toEqual([]);
  // Of first and second requests.
  expect(tally.notCompiled / tally.cases).toBeLessThan(0.04);
});

function ask(view: string, document: string, rest: Partial<Case> = {}): Case {
  return {
    view,
    document: /^(query|mutation|subscription)/.test(document) ? document : `query ${document}`,
    variables: {},
    ...rest,
  };
}
