/** In a Cluster one command reaches one slot: slots are asked one after the other, and where one refuses, the others get back what they gave. */
import type { Adjustment, Answered, AskedAmount, LimitCommands, Verdict } from './limit-commands.ts';

/** @param giveBack is told what was taken for nothing, also when this rejects */
export async function reserveAcrossSlots(
  commands: LimitCommands,
  asked: readonly AskedAmount[],
  giveBack: (adjustment: Adjustment) => void,
): Promise<Verdict> {
  // In one order, whoever asks: of two that want the last of two limits, one gets both.
  const tags = [...new Set(asked.map(({ share }) => share.tag))].sort();
  const answers: Answered[] = [];
  const taken: Adjustment[] = [];
  let admitted = true;
  let now = 0;
  try {
    for (const tag of tags) {
      const indexes = asked.flatMap(({ share }, index) => (share.tag === tag ? [index] : []));
      const group = indexes.map((index) => asked[index]!);
      const verdict = await commands.reserve(group, admitted ? 'take' : 'look');
      if (admitted && verdict.admitted) taken.push(...takenBy(group, verdict));
      admitted &&= verdict.admitted;
      now = verdict.now;
      for (const [at, index] of indexes.entries()) answers[index] = verdict.answers[at]!;
    }
  } catch (error) {
    taken.forEach(giveBack);
    throw error;
  }
  if (!admitted) {
    for (const adjustment of taken) {
      giveBack(adjustment);
      const index = asked.findIndex(({ share }) => share === adjustment.share);
      const answer = answers[index]!;
      answers[index] = { ...answer, remaining: answer.remaining - adjustment.difference, ahead: 0 };
    }
  }
  return { admitted, now, answers };
}

function takenBy(group: readonly AskedAmount[], { answers, now }: Verdict): readonly Adjustment[] {
  return group.flatMap(({ share, amount }, index) => {
    const { enough, ahead } = answers[index]!;
    return enough && amount > 0 ? [{ share, difference: -(amount + ahead), at: now }] : [];
  });
}
