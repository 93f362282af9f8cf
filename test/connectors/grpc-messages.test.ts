/** How many messages an answer holds is counted on the wire, wherever they are: in lists, in other messages, in maps. */
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { boundMessages } from '../../src/connectors/grpc/bounded-messages.ts';

const { root } = protobuf.parse(
  `syntax = "proto3";
   message Page { repeated Item items = 1; map<string, Item> named = 2; map<int32, string> texts = 3; repeated int32 numbers = 4; }
   message Item { Price price = 1; repeated Item inner = 2; string name = 3; }
   message Price { int32 cents = 1; }`,
);
const Page = root.lookupType('Page');

/** Whether so many messages are let through. */
const passes = (page: object, most: number) => {
  const bytes = Page.encode(Page.fromObject(page)).finish();
  try {
    boundMessages(Page, most)(bytes);
    return true;
  } catch (error) {
    expect(String(error)).toMatch(/more than \d+ messages/);
    return false;
  }
};

const long = 'x'.repeat(300);

test.each([
  ['a list', { items: [{ name: long }, {}, {}] }, 3],
  ['messages in messages', { items: [{ price: { cents: 1 }, inner: [{ price: {} }, { name: long }] }] }, 5],
  ['a map of messages', { named: { a: { price: { cents: 5 } }, [long]: {} } }, 5],
  ['a map of texts', { texts: { 1: 'a', 2: long } }, 2],
  ['no messages', { numbers: Array.from({ length: 300 }, (_, index) => index) }, 0],
])('%s', (_what, page, count) => {
  expect(passes(page, count)).toBe(true);
  if (count > 0) expect(passes(page, count - 1)).toBe(false);
});
