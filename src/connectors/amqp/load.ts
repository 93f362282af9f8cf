/** There is no spec to read: what is checked here is where the broker is and how Hem logs in. */
import type { ConnectorSource } from '../kind.ts';
import type { AmqpOptions } from './options.ts';

/** Nothing: a broker does not say what its services understand. */
export type AmqpSpec = Readonly<Record<string, never>>;

export async function load(source: ConnectorSource<AmqpOptions>): Promise<AmqpSpec | undefined> {
  checkEndpoint(source);
  checkLogin(source);
  return {};
}

function checkEndpoint(source: ConnectorSource<AmqpOptions>): void {
  const { settings } = source;
  const url = new URL(settings.endpoint);
  if (url.search !== '' || url.hash !== '') {
    source.report(['endpoint'], {
      rule: 'amqp-endpoint',
      message: 'The endpoint has no query and no fragment.',
      found: url.search + url.hash,
      hint: 'what amqplib reads from there are keys of connector.yml: heartbeat, timeouts',
    });
  }
  const vhost = url.pathname.slice(1);
  if (vhost.includes('/')) {
    source.report(['endpoint'], {
      rule: 'amqp-endpoint',
      message: 'The path of the endpoint is the virtual host, one segment.',
      found: url.pathname,
      expected: `"/${vhost.replaceAll('/', '%2F')}" if slashes are part of its name`,
    });
  }
  if (url.hostname === '') {
    source.report(['endpoint'], {
      rule: 'amqp-endpoint',
      message: 'The endpoint names no host.',
      expected: 'amqp://host:5672/vhost',
    });
  }
}

function checkLogin(source: ConnectorSource<AmqpOptions>): void {
  const { settings, options } = source;
  const { auth } = settings;
  if (auth !== 'none' && 'header' in auth) {
    source.report(['auth'], {
      rule: 'amqp-auth',
      message: 'A broker is not logged into with a header.',
      found: 'header',
      expected: 'none, basic, bearer or oauth2',
      hint: 'a header for the services behind the broker belongs under headers: {set: …}',
    });
  }
  if (options.login !== 'EXTERNAL') return;
  if (settings.tls?.certificate === undefined || !settings.endpoint.startsWith('amqps:')) {
    source.report(['login'], {
      rule: 'amqp-auth',
      message: 'EXTERNAL means that the broker reads the client certificate.',
      expected: 'an amqps endpoint, and tls: {certificate, key}',
    });
  }
  if (auth !== 'none') {
    source.report(['auth'], {
      rule: 'amqp-auth',
      message: 'With login: EXTERNAL the client certificate is the credential.',
      expected: 'auth: none',
    });
  }
}
