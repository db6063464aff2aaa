/** As in ISO 8601, in UTC, with nanoseconds. */
export function timeText({ seconds, nanoseconds }: { seconds: number; nanoseconds: number }): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds}.${String(nanoseconds).padStart(9, '0')} s since 1970`;
  return date.toISOString().replace(/\.\d+Z$/, `.${String(nanoseconds).padStart(9, '0')}Z`);
}
