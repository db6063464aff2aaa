/** The tunnels that end at a router, by what their packets look like. */
import { word } from '../../wire/bytes.js';
import { ADDRESS_WORDS, putAddressWords } from './address-words.js';
import type { GreHeader, RouterTunnel } from './router-tunnel.js';
import { WordTable } from './word-table.js';

const LOCAL = ADDRESS_WORDS;
const KEY = 2 * ADDRESS_WORDS;
const HAS_KEY = KEY + 1;
/** So many tunnels are looked at one by one: what is found is needed anyway, and there is no table beside it. */
const FEW = 4;

/** One for all routers: nobody needs it beyond a call, and it stays in the cache. */
const words = new Int32Array(HAS_KEY + 1);

export class RouterTunnels {
  /** The IPv4 tunnel that was found last: most routers have one that matters. */
  private last: RouterTunnel | null = null;
  private readonly isFew: boolean;
  private readonly table = new WordTable(HAS_KEY + 1);

  /** Of two with the same addresses and key the later one is found. */
  constructor(readonly list: readonly RouterTunnel[]) {
    this.isFew = list.length <= FEW;
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
    if (this.isFew && family === 4) return this.findFew(word(bytes, remote), word(bytes, local), gre);
    putAddressWords(words, 0, bytes, remote, family);
    putAddressWords(words, LOCAL, bytes, local, family);
    words[KEY] = gre.key;
    words[HAS_KEY] = gre.hasKey ? 1 : 0;
    return this.list[this.table.get(words)] ?? null;
  }

  private findFew(remote: number, local: number, gre: GreHeader): RouterTunnel | null {
    const { last, list } = this;
    if (last !== null && last.isOf(remote, local, gre)) return last;
    for (let i = list.length - 1; i >= 0; i--) {
      const tunnel = list[i]!;
      if (!tunnel.isOf(remote, local, gre)) continue;
      this.last = tunnel;
      return tunnel;
    }
    return null;
  }
}
