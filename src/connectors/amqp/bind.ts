/** Checks one `@amqp` directive and compiles its templates. */
import { referencesOf, type Template, toText } from '../../mapping/template.ts';
import type { ValueOf, Values } from '../../mapping/values.ts';
import {
  argumentsByName,
  argumentsIn,
  inTemplate,
  keysByName,
  reportUnused,
  toObject,
} from '../arguments.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import { checkNoIdentity } from '../own-header.ts';
import type { AmqpSpec } from './load.ts';
import type { BoundHeader } from './message-headers.ts';
import type { AmqpOptions } from './options.ts';
import { checkRoutingKey, toRoutingKey } from './routing-key.ts';

export type AmqpBinding = RequestBinding | PublishBinding | SubscribeBinding;

interface Address {
  readonly exchange: string;
  readonly routingKey: (values: Values) => string;
}

interface Outgoing extends Address {
  readonly body: ValueOf;
  readonly headers: readonly BoundHeader[];
}

export interface RequestBinding extends Outgoing {
  readonly act: 'request';
  /** A lookup's "not found" is "there is none", not a failure. */
  readonly missingIsNull: boolean;
  /** It only asks. */
  readonly isRead: boolean;
}

export interface PublishBinding extends Outgoing {
  readonly act: 'publish';
  readonly persistent: boolean;
  readonly mandatory: boolean;
}

export interface SubscribeBinding extends Address {
  readonly act: 'subscribe';
}

type Act = AmqpBinding['act'];

const ACTS: readonly Act[] = ['request', 'publish', 'subscribe'];
const USES: Readonly<Record<FieldToBind['use'], readonly Act[]>> = {
  query: ['request'],
  field: ['request'],
  mutation: ['request', 'publish'],
  subscription: ['subscribe'],
};
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
/** RabbitMQ takes further routing keys from these. */
const ROUTING_HEADERS = new Set(['CC', 'BCC']);
const MAX_EXCHANGE_BYTES = 255;
const UNUSED = { rule: 'amqp-unused-argument', write: inTemplate };

export function bind(
  field: FieldToBind,
  _spec: AmqpSpec,
  source: ConnectorSource<AmqpOptions>,
): AmqpBinding | undefined {
  const act = bindAct(field);
  if (act === undefined) return undefined;
  const address = bindAddress(field, act);
  if (act === 'subscribe') {
    checkSubscription(field);
    if (address === undefined) return undefined;
    reportUnused(field, argumentsIn(referencesOf(address.template)), { ...UNUSED, place: 'the routing key' });
    return { act, exchange: address.exchange, routingKey: address.routingKey };
  }
  const literal = field.directive.args === undefined ? undefined : field.literal(['args']);
  const headers = bindHeaders(field, source);
  if (address === undefined) return undefined;
  if (field.directive.args !== undefined) {
    if (literal === undefined) return undefined;
    const templates = [address.template, ...headers.map(({ template }) => template)];
    const used = argumentsIn([...templates.flatMap(referencesOf), ...literal.references]);
    reportUnused(field, used, { ...UNUSED, place: 'the routing key, a header or "args"' });
  }
  const outgoing: Outgoing = {
    exchange: address.exchange,
    routingKey: address.routingKey,
    body: literal?.evaluate ?? toObject([...keysByName(field), ...argumentsByName(field)]),
    headers: headers.map(({ name, template }) => ({ name, value: toText(template) })),
  };
  if (act === 'request')
    return { act, ...outgoing, missingIsNull: field.isLookup, isRead: field.use !== 'mutation' };
  const { persistent = true, mandatory = true } = field.directive.publish as Partial<PublishBinding>;
  return { act, ...outgoing, persistent, mandatory };
}

function bindAct(field: FieldToBind): Act | undefined {
  const given = ACTS.filter((act) => (field.directive[act] ?? undefined) !== undefined);
  const act = given[0];
  const expected = USES[field.use];
  if (act === undefined || given.length > 1) {
    field.report({
      rule: 'amqp-act',
      message: `@amqp on ${field.coordinate} needs exactly one address.`,
      found: given.length === 0 ? 'none' : given.join(' and '),
      expected: expected.join(' or '),
    });
    return undefined;
  }
  if (!expected.includes(act)) {
    field.report(
      {
        rule: 'amqp-act',
        message: `A ${field.use} does not ${act}.`,
        found: act,
        expected: expected.join(' or '),
      },
      [act],
    );
    return undefined;
  }
  return act;
}

function bindAddress(field: FieldToBind, act: Act): (Address & { readonly template: Template }) | undefined {
  const { exchange = '' } = field.directive[act] as { exchange?: string };
  let usable = true;
  if (act === 'subscribe' && exchange === '') {
    field.report(
      {
        rule: 'amqp-exchange',
        message: 'Nothing can be subscribed to at the default exchange: it only delivers to queues by name.',
        expected: 'subscribe: {exchange: "…", routingKey: "…"}',
      },
      [act],
    );
    usable = false;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (Buffer.byteLength(exchange) > MAX_EXCHANGE_BYTES || /[\u0000-\u001f\u007f]/.test(exchange)) {
    field.report(
      {
        rule: 'amqp-exchange',
        message: 'This cannot be the name of an exchange.',
        found: JSON.stringify(exchange.slice(0, 64)),
        expected: `at most ${MAX_EXCHANGE_BYTES} bytes without control characters`,
      },
      [act, 'exchange'],
    );
    usable = false;
  }
  const template = field.template([act, 'routingKey']);
  if (template === undefined) return undefined;
  const bad = checkRoutingKey(template, act === 'subscribe');
  if (bad !== undefined) {
    field.report({ rule: 'amqp-routing-key', message: 'This routing key cannot be used.', ...bad }, [
      act,
      'routingKey',
    ]);
    usable = false;
  }
  if (act !== 'subscribe' && exchange === '' && template.length === 0) {
    field.report(
      {
        rule: 'amqp-routing-key',
        message: 'At the default exchange the routing key is the name of a queue, and it is empty.',
      },
      [act, 'routingKey'],
    );
    usable = false;
  }
  return usable ? { exchange, template, routingKey: toRoutingKey(template) } : undefined;
}

function checkSubscription(field: FieldToBind): void {
  for (const name of ['args', 'headers'] as const) {
    if ((field.directive[name] ?? undefined) === undefined) continue;
    field.report(
      {
        rule: 'amqp-subscribe',
        message: `A subscription sends no message, so it has no "${name}".`,
        hint: 'arguments select events through the routing key',
      },
      [name],
    );
  }
}

function bindHeaders(
  field: FieldToBind,
  source: ConnectorSource<AmqpOptions>,
): Array<{ name: string; template: Template }> {
  const headers = (field.directive.headers ?? []) as ReadonlyArray<{ name: string }>;
  return headers.flatMap(({ name }, index) => {
    if (!HEADER_NAME.test(name) || ROUTING_HEADERS.has(name)) {
      field.report(
        {
          rule: 'amqp-header',
          message: ROUTING_HEADERS.has(name)
            ? 'The broker would route the message by this header.'
            : 'This is not a header name.',
          found: JSON.stringify(name),
        },
        ['headers', index, 'name'],
      );
    }
    checkNoIdentity(name, ['headers', index, 'name'], field, source);
    const template = field.template(['headers', index, 'value']);
    return template === undefined ? [] : [{ name, template }];
  });
}
