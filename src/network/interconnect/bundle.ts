/**
 * An LACP bundle (IEEE 802.1AX) of one circuit, dataplane 1: each flow goes over one link, so that nothing is
 * reordered. A lost link gives up its own flows and no other moves; when it is back, it takes its share again.
 */
import { buildEcmpGroups } from '../../dataplane/ecmp.js';

/** Buckets of the bundle; shares come out within 2 % of the whole. */
const BUCKETS = 1024;

export class Bundle {
  private readonly working: boolean[];
  private buckets: Int32Array = new Int32Array(0);

  /**
   * @param links from 1 up, all of them work at first
   * @param rate bits per second of one link
   * @param least links that have to work for the bundle to carry anything (LACP minimum links)
   */
  constructor(
    readonly links: number,
    readonly rate: number,
    private readonly least = 1,
  ) {
    this.working = Array.from({ length: links }, () => true);
    this.deal();
  }

  get linksUp(): number {
    return this.working.filter((up) => up).length;
  }

  get isUp(): boolean {
    return this.linksUp >= this.least;
  }

  /** Bits per second of all links that work together; 0 when the bundle is down. */
  get totalRate(): number {
    return this.isUp ? this.linksUp * this.rate : 0;
  }

  /** @throws RangeError for a link that the bundle does not have (they count from 0) */
  setLink(link: number, up: boolean): void {
    if (this.working[link] === undefined) throw new RangeError(`no link ${link} among ${this.links}`);
    if (this.working[link] === up) return;
    this.working[link] = up;
    this.deal();
  }

  isLinkUp(link: number): boolean {
    return this.working[link] === true;
  }

  /**
   * The link that a flow takes, from 0; −1: the bundle is down.
   *
   * @param hash 32 bits of the flow. They are mixed once more, for the same hash may have chosen the circuit.
   */
  linkOf(hash: number): number {
    if (!this.isUp) return -1;
    const mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
    return this.buckets[((mixed ^ (mixed >>> 15)) >>> 0) % this.buckets.length]!;
  }

  private deal(): void {
    const members = this.working.map((up, link) => ({
      ...{ member: link, identity: link + 1, weight: 1 },
      ...(up ? {} : { isOut: true as const }),
    }));
    this.buckets = buildEcmpGroups([members], BUCKETS).buckets;
  }
}
