/** How topics are subscribed to, and how events say which topic they are of. Compiled from `subscriptions:` of connector.yml. */
import type { UpstreamError } from '../../errors.ts';
import { type PathStep, parsePath, type Reader, toKeyReader, toPathReader } from '../../mapping/path.ts';
import type { ErrorCodes } from '../../upstream/codes.ts';
import { asArguments } from './envelope.ts';
import type { WebsocketOptions } from './options.ts';
import { parse, type Report, refersTo, toLiteral, toMessageReader, toTest } from './pattern.ts';
import type { Message, MessageId, Protocol } from './protocol.ts';

export interface Feed {
  /** Events carry the topic; otherwise the id that the backend gave the subscription. */
  readonly byTopic: boolean;
  /** Whether `subscribe` sends parameters beside the topic. */
  readonly sendsParams: boolean;
  readonly subscribe: Outgoing;
  readonly unsubscribe: Outgoing | undefined;
  /** Reads the answer to `subscribe`: the failure, or the id of the subscription (undefined when it has none). */
  subscriptionIn(answer: Message, topic: string): unknown | UpstreamError;
  /** The topic or subscription id of an event; undefined when the message is no event. */
  keyOf(message: Message): unknown;
  payloadOf(message: Message): unknown;
  /** Whether the message says that the backend has ended the stream. */
  isEnd(message: Message): boolean;
}

export interface Outgoing {
  /** Whether the backend answers it: it carries an id. */
  readonly answered: boolean;
  write(id: MessageId, about: About): string;
}

export interface About {
  readonly topic: string;
  readonly params: unknown;
  readonly subscription: unknown;
}

type Settings = NonNullable<WebsocketOptions['subscriptions']>;

/**
 * Undefined after reported problems.
 * @param protocol undefined when it has problems of its own
 */
export function toFeed(
  settings: Settings,
  isJsonRpc: boolean,
  protocol: Protocol | undefined,
  codes: ErrorCodes,
  report: Report,
): Feed | undefined {
  const at = ['subscriptions'];
  const { event } = settings;
  const subscribe = toOutgoing(
    settings.subscribe,
    ['topic', 'params'],
    [...at, 'subscribe'],
    protocol,
    report,
  );
  const unsubscribe =
    settings.unsubscribe &&
    toOutgoing(
      settings.unsubscribe,
      ['topic', 'params', 'subscription'],
      [...at, 'unsubscribe'],
      protocol,
      report,
    );
  const topicText = event.topic ?? (event.subscription === undefined && isJsonRpc ? 'method' : undefined);
  const topic = toMessageReader(topicText, [...at, 'event', 'topic'], report);
  const subscription = toMessageReader(event.subscription, [...at, 'event', 'subscription'], report);
  const payload = toMessageReader(
    event.payload ?? (isJsonRpc ? 'params' : undefined),
    [...at, 'event', 'payload'],
    report,
  );
  const isEvent = toTest(event.where, [...at, 'event', 'where'], report);
  const isEnd = toTest(event.end, [...at, 'event', 'end'], report);
  const given = toMessageReader(settings.subscription, [...at, 'subscription'], report);
  const confirm = toConfirmation(settings.confirm, [...at, 'confirm'], report);
  checkTogether(settings, topicText, subscribe, report);
  const key = topic ?? subscription;
  if (subscribe === undefined || key === undefined) return undefined;
  return {
    byTopic: event.subscription === undefined,
    sendsParams: subscribe.sendsParams,
    subscribe,
    unsubscribe,
    subscriptionIn(answer, name) {
      const failure = confirm?.(answer, name);
      if (failure !== undefined) return codes.toError(failure.found, 'rejected', { detail: failure.found });
      return given?.(answer) ?? undefined;
    },
    keyOf: (message) =>
      isEvent === undefined || isEvent(message) || isEnd?.(message) === true
        ? (key(message) ?? undefined)
        : undefined,
    payloadOf: (message) => (payload === undefined ? message : payload(message)) ?? null,
    isEnd: (message) => isEnd?.(message) === true,
  };
}

function checkTogether(
  settings: Settings,
  topic: string | undefined,
  subscribe: Outgoing | undefined,
  report: Report,
): void {
  const { event } = settings;
  const at = ['subscriptions'];
  if ((topic === undefined) === (event.subscription === undefined)) {
    report([...at, 'event'], {
      rule: 'websocket-subscriptions',
      message: 'An event has to say what it is of, in one way.',
      found: topic === undefined ? 'neither "topic" nor "subscription"' : 'both "topic" and "subscription"',
      expected: 'a path to the topic, or one to the id of the subscription',
    });
  }
  if (event.subscription !== undefined && settings.subscription === undefined) {
    report([...at, 'event', 'subscription'], {
      rule: 'websocket-subscriptions',
      message: 'Events are of a subscription, but nothing says where its id comes from.',
      hint: 'add "subscription:", the path to the id in the answer to subscribe',
    });
  }
  for (const name of ['subscription', 'confirm'] as const) {
    if (settings[name] === undefined || subscribe === undefined || subscribe.answered) continue;
    report([...at, name], {
      rule: 'websocket-subscriptions',
      message: `"${name}" reads the answer to subscribe, and there is none.`,
      hint: 'add $id to the message, or use call and args',
    });
  }
  const { unsubscribe } = settings;
  const text =
    unsubscribe === undefined ? '' : 'call' in unsubscribe ? unsubscribe.args : unsubscribe.message;
  if (text.includes('$subscription') && settings.subscription === undefined) {
    report([...at, 'unsubscribe'], {
      rule: 'websocket-subscriptions',
      message: '$subscription has no value.',
      hint: 'add "subscription:", the path to the id in the answer to subscribe',
    });
  }
}

function toOutgoing(
  settings: Settings['subscribe'],
  names: readonly string[],
  at: readonly string[],
  protocol: Protocol | undefined,
  report: Report,
): (Outgoing & { readonly sendsParams: boolean }) | undefined {
  if ('call' in settings) {
    const args = toLiteral(settings.args, names, [...at, 'args'], report);
    if (args === undefined || protocol === undefined) return undefined;
    const write = protocol.toRequest(settings.call);
    return {
      answered: true,
      sendsParams: refersTo(args, 'params'),
      write: (id, about) => write(id, args.evaluate(asArguments({ ...about }))),
    };
  }
  const message = toLiteral(settings.message, ['id', ...names], [...at, 'message'], report);
  if (message === undefined) return undefined;
  return {
    answered: refersTo(message, 'id'),
    sendsParams: refersTo(message, 'params'),
    write: (id, about) => JSON.stringify(message.evaluate(asArguments({ id, ...about }))),
  };
}

/** In a confirmation's path the segment '{topic}' stands for the topic: some backends answer an object by topic. */
function toConfirmation(
  settings: Settings['confirm'],
  at: readonly string[],
  report: Report,
): ((answer: unknown, topic: string) => { readonly found: unknown } | undefined) | undefined {
  if (settings === undefined) return undefined;
  const path = parse(settings.path, parsePath, [...at, 'path'], report);
  if (path === undefined) return undefined;
  const steps = path.map(toTopicStep);
  return (answer, topic) => {
    const found = steps.reduce((value, step) => step(value, topic), answer);
    return found === settings.equals ? undefined : { found };
  };
}

function toTopicStep(step: PathStep): (value: unknown, topic: string) => unknown {
  if (step.kind === 'key' && step.name === '{topic}') return (value, topic) => toKeyReader(topic)(value);
  const read: Reader = toPathReader([step]);
  return read;
}
