/** Prefixes in the file: `192.0.2.0/24`, without host bits. */
import {
  formatAddress,
  formatWithLength,
  isSameAddress,
  networkOf,
  parseAddressWithLength,
} from './address.js';
import { quote, type ConfigPath } from './problem.js';
import type { Source } from './source.js';

/** @returns canonical text, or null after a report to `source` */
export function readPrefix(text: string, path: ConfigPath, source: Source): string | null {
  const parsed = parseAddressWithLength(text);
  if (parsed === null) {
    source.mismatch(path, quote(text), 'an IPv4 or IPv6 prefix with its length, such as 192.0.2.0/24');
    return null;
  }
  const { bytes, length } = parsed;
  const network = networkOf(bytes, length);
  if (!isSameAddress(network, bytes)) {
    const host = formatWithLength(bytes, bytes.length * 8);
    const hint = `a prefix without host bits: ${formatWithLength(network, length)} (or ${host} for ${formatAddress(bytes)} alone)`;
    source.mismatch(path, quote(text), hint);
    return null;
  }
  return formatWithLength(network, length);
}
