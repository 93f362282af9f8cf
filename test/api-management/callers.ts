/** Many who call at once, or one until nothing is left; and what they were answered. */
import type { Deployment } from './deployment.ts';
import type { Answer, Call } from './gateway-process.ts';

/** How often each status was answered. */
export type Statuses = Record<number, number>;

export const ARTICLE = '{ article(id: "1") { title } }';

/** Calls the processes in turns until one refuses. @returns how often it was let in, and the refusal */
export async function useUp(
  deployment: Deployment,
  call: Call,
  most = 1000,
): Promise<{ readonly admitted: number; readonly refused: Answer }> {
  for (let admitted = 0; admitted <= most; admitted++) {
    const answer = await deployment.gateway(admitted).call(call);
    if (answer.status !== 200) return { admitted, refused: answer };
  }
  throw new Error(`more than ${most} were let in`);
}

export interface Crowd {
  readonly callers: number;
  readonly call: Call;
  /** Each caller stops at this. */
  isOver(answer: Answer): boolean;
}

/** So many callers at all processes at once. */
export async function crowd(deployment: Deployment, { callers, call, isOver }: Crowd): Promise<Statuses> {
  const statuses: Statuses = {};
  const one = async (_: unknown, turn: number) => {
    for (;;) {
      const answer = await deployment.gateway(turn).call(call);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      if (isOver(answer)) return;
    }
  };
  await Promise.all(Array.from({ length: callers }, one));
  return statuses;
}
