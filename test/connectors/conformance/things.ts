/** What every backend of the conformance list is about, whatever protocol it speaks: things, by id. Some ids misbehave. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface SeenCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Headers, metadata or handshake: whatever the protocol has. Lower-case names. */
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface Thing {
  readonly id: string;
  readonly name: string;
  /** A whole number that no double can hold. */
  readonly big: string;
  readonly constructor: string;
}

export type Answer =
  | { readonly kind: 'value'; readonly value: unknown }
  /** The protocol's own way to say each of these. */
  | { readonly kind: 'missing' | 'hang' | 'garbage' | 'broken' | 'denied' };

/** Ids of things that do not answer as they should. */
const MISBEHAVING = ['missing', 'hang', 'garbage', 'broken', 'denied'] as const;
/** What a backend says about its own failure, and callers must not read. */
export const SECRET = 'the database password is hunter2';
export const BIG = '9007199254740993';
/** The size of the name of the thing "large". */
export const LARGE_BYTES = 100_000;

export class Things {
  readonly calls: SeenCall[] = [];
  /** Calls for parts that are being answered, and the most of them at a time. */
  asking = 0;
  mostAsking = 0;
  /** Calls whose caller left before the answer. */
  cancelled = 0;
  /** What answers say of how long they count, in the words of HTTP's `Cache-Control`; undefined where they say nothing. */
  cacheControl: string | undefined;
  #renamed = new Map<string, string>();

  /** One call, as it arrived. */
  async answer(
    name: string,
    args: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, unknown>>,
  ): Promise<Answer> {
    this.calls.push({ name, args, headers });
    switch (name) {
      case 'thing': {
        const id = String(args.id);
        const fault = MISBEHAVING.find((word) => word === id);
        if (fault !== undefined) return { kind: fault };
        // Answers come in another order than the questions.
        const number = /^p(\d+)$/.exec(id)?.[1];
        if (number !== undefined) await sleep((Number(number) * 7) % 20);
        return { kind: 'value', value: this.#thing(id) };
      }
      case 'thingsById':
        return {
          kind: 'value',
          value: (args.ids as readonly string[])
            .filter((id) => id !== 'missing')
            .map((id) => this.#thing(String(id)))
            .reverse(),
        };
      case 'things':
        return {
          kind: 'value',
          value: Array.from({ length: Number(args.first) }, (_, index) => this.#thing(String(index + 1))),
        };
      case 'echo':
        return { kind: 'value', value: args.text };
      case 'parts':
        this.mostAsking = Math.max(this.mostAsking, ++this.asking);
        await sleep(10);
        this.asking--;
        return {
          kind: 'value',
          value: Array.from({ length: Number(args.first) }, (_, index) => ({
            name: `${args.thing}-${index + 1}`,
          })),
        };
      case 'rename':
        this.#renamed.set(String(args.id), String(args.name));
        return { kind: 'value', value: this.#thing(String(args.id)) };
      default:
        throw new Error(`there is no call "${name}"`);
    }
  }

  named(name: string): readonly SeenCall[] {
    return this.calls.filter((call) => call.name === name);
  }

  #thing(id: string): Thing {
    const name = id === 'large' ? 'x'.repeat(LARGE_BYTES) : (this.#renamed.get(id) ?? `Thing ${id}`);
    return { id, name, big: BIG, constructor: 'builder' };
  }
}

/** As JSON, with the number as a number and a key that would poison a careless reader. */
export function toJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`;
  if (typeof value !== 'object' || value === null || !('big' in value)) return JSON.stringify(value);
  const thing = value as Thing;
  const fields = [
    `"id":${JSON.stringify(thing.id)}`,
    `"name":${JSON.stringify(thing.name)}`,
    `"big":${thing.big}`,
    `"constructor":${JSON.stringify(thing.constructor)}`,
    '"__proto__":{"polluted":"yes"}',
  ];
  return `{${fields.join(',')}}`;
}
