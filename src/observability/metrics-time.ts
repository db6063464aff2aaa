/** RFC 3339 to seconds since 1970, as Prometheus has its times; NaN for what is no time. */
export function seconds(rfc3339: string): number {
  return Date.parse(rfc3339) / 1000;
}
