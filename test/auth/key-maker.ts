/** Keys of a running gateway, made and ended as an operator does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { KeyWish } from '../../src/consumers/key-rules.ts';
import type { Registry } from '../../src/consumers/registry.ts';
import type { TestGateway } from '../support/gateway.ts';

export interface MadeKey {
  readonly id: string;
  /** What its holder sends. */
  readonly text: string;
}

/** The same name with another secret, as well formed as the key itself. */
export function withWrongSecret({ id }: MadeKey): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const body = `hem_test_${id}_${'0'.repeat(32)}`;
  let checksum = '';
  for (let rest = crc32(body); checksum.length < 6; rest = Math.floor(rest / 62))
    checksum = digits[rest % 62]! + checksum;
  return `${body}_${checksum}`;
}

const CONSUMER = 'acme';

export class KeyMaker {
  readonly #registry: Registry;

  constructor({ gateway }: TestGateway) {
    if (gateway.registry === undefined) throw new Error('a gateway without plans');
    this.#registry = gateway.registry;
  }

  async make(plan: string, more: Omit<KeyWish, 'consumer' | 'plan'> = {}): Promise<MadeKey> {
    await this.#registry.consumers.ensure(CONSUMER);
    await this.#registry.subscriptions.ask(CONSUMER, plan, 'operator');
    const wish = { consumer: CONSUMER, plan, environment: 'test', ...more } as const;
    const { id, key } = await this.#registry.keys.create(wish, 'operator');
    return { id, text: key };
  }

  /** One that was good, and is not any more. */
  async makeExpired(plan: string): Promise<MadeKey> {
    const expiresAt = Date.now() + 50;
    const made = await this.make(plan, { expiresAt });
    while (Date.now() <= expiresAt) await sleep(10);
    return made;
  }

  async revoke({ id }: MadeKey): Promise<void> {
    await this.#registry.keys.revoke(id);
  }
}
