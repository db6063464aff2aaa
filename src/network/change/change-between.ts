/** The change that makes one network of another, as when a configuration file is read again. */
import type { NetworkConfig } from '../../config/network.js';
import { byName, RESOURCE_KINDS, type NetworkChange } from './change-set.js';
import { isSame } from './same.js';

/**
 * Puts in what is new or not the same, and removes what is gone. The order of resources is no difference, but for
 * routes of one name.
 */
export function changeBetween(before: NetworkConfig, after: NetworkConfig): NetworkChange {
  const change: NetworkChange = { put: {}, remove: {} };
  for (const kind of RESOURCE_KINDS) {
    const old = byName(kind, before);
    const now = byName(kind, after);
    const changed = [...now].flatMap(([name, resources]) =>
      isSame(old.get(name), resources) ? [] : resources,
    );
    const gone = [...old.keys()].filter((name) => !now.has(name));
    if (changed.length > 0) Object.assign(change.put, { [kind]: changed });
    if (gone.length > 0) Object.assign(change.remove, { [kind]: gone });
  }
  return change;
}
