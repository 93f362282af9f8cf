/** Parts of the GraphQL kind whose cases are hard to bring about from outside. */

import { GraphQLInt, GraphQLObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { EventStreamReader, EventTooLarge } from '../../src/connectors/graphql/event-stream.ts';
import { fixRecord } from '../../src/connectors/graphql/record-fix.ts';
import { printSelection } from '../../src/connectors/graphql/selection.ts';
import type { SelectedField } from '../../src/connectors/kind.ts';

describe('the event stream', () => {
  const TEXT =
    '\ufeff: comment\r\ndata: a\ndata:b\n\n\rdata\rdata:  c\r\revent: x\r\nid: 3\r\nretry: 5\r\n\r\nevent: y\ndata: ü€😀\n\ndata: cut';
  const EVENTS = [
    { event: 'message', data: 'a\nb' },
    { event: 'message', data: '\n c' },
    { event: 'x', data: '' },
    { event: 'y', data: 'ü€😀' },
  ];

  test.each([1, 2, 3, 7, 1000])('is read in chunks of %i bytes', (size) => {
    const bytes = Buffer.from(TEXT);
    const reader = new EventStreamReader(1000);
    const events = [];
    for (let start = 0; start < bytes.length; start += size)
      events.push(...reader.read(bytes.subarray(start, start + size)));
    expect(events).toEqual(EVENTS);
  });

  test('of long lines that come byte by byte takes no longer for each byte', () => {
    const timeOf = (length: number) => {
      const bytes = Buffer.from(`data: ${'x'.repeat(length)}\n\n`);
      const reader = new EventStreamReader(length + 100);
      const before = process.cpuUsage();
      let events = 0;
      for (let at = 0; at < bytes.length; at++) events += reader.read(bytes.subarray(at, at + 1)).length;
      expect(events).toBe(1);
      return process.cpuUsage(before).user;
    };
    timeOf(20_000);
    // Sixteen times as many take sixteen times as long; it was a hundred.
    expect(timeOf(320_000)).toBeLessThan(50 * timeOf(20_000));
  });

  test('is bounded per event, not in all', () => {
    const reader = new EventStreamReader(100);
    for (let event = 0; event < 50; event++)
      expect(reader.read(Buffer.from(`data: ${'x'.repeat(60)}\n\n`))).toHaveLength(1);
    expect(() => {
      for (let line = 0; line < 50; line++) reader.read(Buffer.from('data: 0123456789\n'));
    }).toThrow(EventTooLarge);
    expect(() => new EventStreamReader(100).read(Buffer.from('x'.repeat(101)))).toThrow(EventTooLarge);
  });
});

describe('records that were asked for under other names', () => {
  test('are put right, whatever the names', () => {
    const record = JSON.parse(
      '{"m0_a":1,"list":[{"m0_b":[null,{"c":1}]},null,{"m0_b":null}],"m1_x":{"y":2},"x":{"z":3}}',
    );
    fixRecord(record, {
      moves: [
        { from: 'm0_a', to: '__proto__' },
        { from: 'm1_x', to: 'x' },
        { from: 'absent', to: 'never' },
      ],
      children: [
        { key: 'list', fix: { moves: [{ from: 'm0_b', to: 'b' }], children: [], typeNames: undefined } },
        { key: 'absent', fix: { moves: [], children: [], typeNames: undefined } },
      ],
      typeNames: undefined,
    });
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(record, '__proto__')?.value).toBe(1);
    expect(record.list).toMatchObject([{ b: [null, { c: 1 }] }, null, { b: null }]);
    expect(record.x).toEqual({ y: 2, z: 3 });
    expect(Object.hasOwn(record, 'never')).toBe(false);
  });
});

describe('selections', () => {
  const type = new GraphQLObjectType({ name: 'T', fields: { a: { type: GraphQLInt } } });
  const field = (name: string, more: Partial<SelectedField> = {}): SelectedField => ({
    key: name,
    name,
    arguments: [],
    ...more,
  });

  test('are never empty, and keys that are no names become some', () => {
    expect(printSelection({ fields: [] }, type, { types: {}, backend: undefined }).text).toBe(
      ' { __typename }',
    );
    const { text, fix } = printSelection(
      { fields: [field('a', { key: 'a-1' }), field('a', { key: '__proto__' })] },
      type,
      {
        types: {},
        backend: undefined,
      },
    );
    expect(text).toBe(' { m0_a: a __proto__: a }');
    expect(fix?.moves).toEqual([{ from: 'm0_a', to: 'a-1' }]);
  });

  test('of leaves have no text', () => {
    expect(printSelection({ fields: [field('a')] }, GraphQLInt, { types: {}, backend: undefined }).text).toBe(
      '',
    );
  });
});
