/** The tunnels that end at a router, by what their packets look like. */
import { ADDRESS_WORDS, putAddressWords } from './address-words.js';
import type { GreHeader, RouterTunnel } from './router-tunnel.js';
import { WordTable } from './word-table.js';

const LOCAL = ADDRESS_WORDS;
const KEY = 2 * ADDRESS_WORDS;
const HAS_KEY = KEY + 1;

/** One for all routers: nobody needs it beyond a call, and it stays in the cache. */
const words = new Int32Array(HAS_KEY + 1);

export class RouterTunnels {
  private readonly table = new WordTable(HAS_KEY + 1);

  /** Of two with the same addresses and key the later one is found. */
  constructor(readonly list: readonly RouterTunnel[]) {
    list.forEach(({ spec: { local, remote, key } }, i) => {
      const family = local.length === 4 ? 4 : 6;
      putAddressWords(words, 0, remote, 0, family);
      putAddressWords(words, LOCAL, local, 0, family);
      words[KEY] = key === null ? 0 : key | 0;
      words[HAS_KEY] = key === null ? 0 : 1;
      this.table.put(words, i);
    });
  }

  /** The tunnel between two addresses (offsets) whose packets have such a GRE header; null: none. */
  find(
    bytes: Uint8Array,
    remote: number,
    local: number,
    family: number,
    gre: GreHeader,
  ): RouterTunnel | null {
    putAddressWords(words, 0, bytes, remote, family);
    putAddressWords(words, LOCAL, bytes, local, family);
    words[KEY] = gre.key;
    words[HAS_KEY] = gre.hasKey ? 1 : 0;
    return this.list[this.table.get(words)] ?? null;
  }
}
