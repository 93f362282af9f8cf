export function nameOf(record: unknown): string {
  return String(record);
}
