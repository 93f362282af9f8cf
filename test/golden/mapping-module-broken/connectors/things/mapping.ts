export function nameOf(record: unknown) {
  return record.;
}
