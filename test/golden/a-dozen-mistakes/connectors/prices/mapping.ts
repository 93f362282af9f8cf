export function priceOf(record: unknown): number {
  return Number(record);
}
