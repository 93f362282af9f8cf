/** Checks one `@websocket` directive and compiles what it sends. */
import { getNullableType, isInputObjectType, isScalarType, isSpecifiedScalarType } from 'graphql';
import type { Literal } from '../../mapping/literal.ts';
import { referencesOf, type Template } from '../../mapping/template.ts';
import type { ValueOf, Values } from '../../mapping/values.ts';
import {
  argumentsByName,
  argumentsIn,
  inLiteral,
  inTemplate,
  keysByName,
  type NamedValue,
  reportUnused,
  toObject,
} from '../arguments.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import type { Feed } from './feed.ts';
import type { WebsocketSpec } from './load.ts';
import type { WebsocketOptions } from './options.ts';
import { toTopic } from './topic.ts';

export type WebsocketBinding = CallBinding | TopicBinding;

export interface CallBinding {
  readonly kind: 'call';
  readonly method: string;
  readonly params: ValueOf;
  /** A lookup's "not found" is "there is none", not a failure. */
  readonly missingIsNull: boolean;
  /** It only asks. */
  readonly isRead: boolean;
}

export interface TopicBinding {
  readonly kind: 'topic';
  /** @throws {HemError} BAD_ARGUMENT */
  readonly topic: (values: Values) => string;
  readonly params: ValueOf;
}

const TRACE_HEADERS: readonly string[] = ['traceparent', 'tracestate', 'baggage'];
const UNUSED = { rule: 'websocket-unused-argument' };

export function bind(
  field: FieldToBind,
  spec: WebsocketSpec,
  _source: ConnectorSource<WebsocketOptions>,
): WebsocketBinding | undefined {
  const { call, topic } = field.directive;
  const wanted = field.use === 'subscription' ? 'topic' : 'call';
  const given = [call !== undefined && 'call', topic !== undefined && 'topic'].filter(
    (name) => name !== false,
  );
  if (given.length !== 1 || given[0] !== wanted) {
    field.report({
      rule: 'websocket-binding',
      message: `@websocket on ${field.coordinate} needs ${wanted === 'topic' ? 'a topic' : 'a method to call'}, and nothing else.`,
      found: given.join(' and ') || 'none',
      expected: `"${wanted}"`,
    });
    return undefined;
  }
  const args = field.literal(['args']);
  if (args === undefined && field.directive.args !== undefined) return undefined;
  if (args !== undefined && spec.isJsonRpc) checkStructured(field, args, spec);
  if (spec.isJsonRpc && wanted === 'call') checkPlaceOfTrace(field, args, spec);
  return wanted === 'call' ? bindCall(field, args) : bindTopic(field, args, spec.feed);
}

function bindCall(field: FieldToBind, args: Literal | undefined): CallBinding | undefined {
  const method = String(field.directive.call);
  if (method === '') {
    field.report({ rule: 'websocket-binding', message: 'The method has no name.', found: '""' }, ['call']);
    return undefined;
  }
  if (args !== undefined) {
    reportUnused(field, argumentsIn(args.references), { ...UNUSED, write: inLiteral, place: '"args"' });
  }
  return {
    kind: 'call',
    method,
    params: args?.evaluate ?? toParams([...keysByName(field), ...argumentsByName(field)]),
    missingIsNull: field.isLookup,
    isRead: field.use !== 'mutation',
  };
}

function bindTopic(
  field: FieldToBind,
  args: Literal | undefined,
  feed: Feed | undefined,
): TopicBinding | undefined {
  if (feed === undefined) {
    field.report(
      {
        rule: 'websocket-no-subscriptions',
        message: 'connector.yml does not say how to subscribe to a topic.',
        hint: 'add "subscriptions:"; docs/connectors/websocket.md has it for common servers',
      },
      ['topic'],
    );
    return undefined;
  }
  const template = field.template(['topic']);
  if (template === undefined) return undefined;
  if (template.length === 0) {
    field.report({ rule: 'websocket-binding', message: 'The topic is empty.', found: '""' }, ['topic']);
    return undefined;
  }
  if (args !== undefined) checkParams(field, args, template, feed);
  const used = argumentsIn([...referencesOf(template), ...(args?.references ?? [])]);
  const sendsRest = args === undefined && feed.sendsParams && !feed.byTopic;
  const rest = sendsRest ? argumentsByName(field).filter(({ name }) => !used.has(name)) : [];
  if (rest.length === 0) reportUnused(field, used, { ...UNUSED, write: inTemplate, place: 'the topic' });
  return {
    kind: 'topic',
    topic: toTopic(template),
    params: args?.evaluate ?? toParams(rest),
  };
}

function checkParams(field: FieldToBind, args: Literal, template: Template, feed: Feed): void {
  if (!feed.sendsParams) {
    field.report(
      {
        rule: 'websocket-args',
        message: 'Subscribing sends no parameters here.',
        hint: 'use $params in "subscriptions.subscribe" of connector.yml, or remove "args"',
      },
      ['args'],
    );
  }
  if (!feed.byTopic) return;
  const known = new Set(referencesOf(template).map(({ text }) => text));
  const foreign = args.references.filter(({ text }) => !known.has(text));
  if (foreign.length === 0) return;
  field.report(
    {
      rule: 'websocket-args',
      message:
        'Events are told apart by their topic alone: callers of one topic with different values would get each other’s events.',
      found: foreign.map(({ text }) => `$${text}`).join(', '),
      expected: 'only references that stand in the topic too',
      hint: 'put it in the topic, or tell events apart with "subscriptions.event.subscription"',
    },
    ['args'],
    foreign[0]!.offset,
  );
}

/** What tells of the trace would be merged with a parameter of that name, or not be told. */
function checkPlaceOfTrace(
  field: FieldToBind,
  args: Literal | undefined,
  { protocol: { trace } }: WebsocketSpec,
): void {
  if (trace?.path[0] !== 'params') return;
  const [, below] = trace.path;
  const isTaken = ({ name, mayBeObject }: Parameter) =>
    below === undefined ? TRACE_HEADERS.includes(name) : name === below && !mayBeObject;
  const name = parametersOf(field, args).find(isTaken)?.name;
  if (name === undefined) return;
  field.report(
    {
      rule: 'websocket-trace',
      message: `The trace would stand where the parameter "${name}" stands.`,
      found: `trace: ${trace.path.join('.')}`,
      expected: 'another name for the parameter, or another place in connector.yml, such as "trace: trace"',
    },
    args === undefined ? [] : ['args'],
  );
}

interface Parameter {
  readonly name: string;
  readonly mayBeObject: boolean;
}

function parametersOf(field: FieldToBind, args: Literal | undefined): readonly Parameter[] {
  const isObject = (argument: string) => {
    const type = field.args.find(({ name }) => name === argument)?.type;
    const nullable = type && getNullableType(type);
    return (
      nullable !== undefined &&
      (isInputObjectType(nullable) || (isScalarType(nullable) && !isSpecifiedScalarType(nullable)))
    );
  };
  if (args === undefined)
    return [...keysByName(field), ...argumentsByName(field)].map(({ name }) => ({
      name,
      mayBeObject: isObject(name),
    }));
  if (args.node.kind !== 'ObjectValue') return [];
  return args.node.fields.map(({ name, value }) => ({
    name: name.value,
    // What a reference stands for is not known here.
    mayBeObject: value.kind === 'ObjectValue' || value.kind === 'Variable',
  }));
}

/** JSON-RPC 2.0, 4.2: parameters are an object or a list. */
function checkStructured(
  field: FieldToBind,
  { node }: Literal,
  { protocol: { trace } }: WebsocketSpec,
): void {
  if (trace?.path[0] === 'params' && node.kind === 'ListValue')
    field.report(
      {
        rule: 'websocket-trace',
        message: 'The trace would stand among the parameters, and these are a list.',
        found: `trace: ${trace.path.join('.')}`,
        expected: 'an object of parameters, or another place in connector.yml, such as "trace: trace"',
      },
      ['args'],
    );
  if (node.kind === 'ObjectValue' || node.kind === 'ListValue' || node.kind === 'Variable') return;
  field.report(
    {
      rule: 'websocket-args',
      message: 'The parameters of JSON-RPC are an object or a list.',
      found: String(field.directive.args),
      expected: '{ name: $argument } or [$argument]',
    },
    ['args'],
  );
}

/** Nothing is sent where there is nothing to send. */
function toParams(parts: readonly NamedValue[]): ValueOf {
  return parts.length === 0 ? () => undefined : toObject(parts);
}
