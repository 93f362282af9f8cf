export function nameOf(record: unknown): string {
  return String(record);
}

export const limit = 3;

export async function later(): Promise<void> {}
