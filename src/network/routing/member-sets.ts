/** Sets of next hops as the dataplane deals flows to them: one object for all places and prefixes that use the set. */
import { hashName, type EcmpMember } from '../../dataplane/ecmp.js';
import type { WeightedNexthop } from './select.js';

/** With those that are out, if any: what would be theirs is dealt to the others. */
export type MemberSet = readonly EcmpMember[];

/** No route: packets are dropped. */
export const NO_MEMBERS: MemberSet = [];

export class MemberSets {
  private readonly sets = new Map<string, MemberSet>();
  private readonly identities: readonly number[];

  /** @param names of the next hops, by number: a flow stays with a name, whatever number it has */
  constructor(names: readonly string[]) {
    this.identities = names.map(hashName);
  }

  /**
   * The same object for the same set, so that two can be compared and shared as such.
   *
   * @param members each next hop once, by number
   * @param out others that the same routes may lead to: a flow that was theirs is theirs again when they come in
   * @throws RangeError for a number that no next hop has
   */
  intern(members: readonly WeightedNexthop[], out: readonly WeightedNexthop[] = []): MemberSet {
    if (members.length === 0) return NO_MEMBERS;
    let name = '';
    for (const { nexthop, weight } of members) name += `${nexthop}:${weight} `;
    for (const { nexthop, weight } of out) name += `-${nexthop}:${weight} `;
    let set = this.sets.get(name);
    if (set === undefined) {
      set = [
        ...members.map((nexthop) => this.memberFor(nexthop)),
        ...out.map((nexthop): EcmpMember => ({ ...this.memberFor(nexthop), isOut: true })),
      ];
      this.sets.set(name, set);
    }
    return set;
  }

  private memberFor({ nexthop, weight }: WeightedNexthop): EcmpMember {
    const identity = this.identities[nexthop];
    if (identity === undefined) throw new RangeError(`next hop ${nexthop} of ${this.identities.length}`);
    return { member: nexthop, identity, weight };
  }
}
