/** All contenders of a run. */
import type { Underlay } from './contender.js';
import { GrebeContender } from './grebe-contender.js';
import { OpenVSwitchContender } from './openvswitch-contender.js';
import type { Programs } from './programs.js';
import { TwinContender } from './twin-contender.js';

export interface Cast {
  readonly grebe: Record<Underlay, GrebeContender>;
  readonly twin: Record<Underlay, TwinContender>;
  /** Null where it is not installed. */
  readonly openVSwitch: OpenVSwitchContender | null;
}

export function makeCast({ twin }: Programs, openVSwitch: boolean): Cast {
  return {
    grebe: {
      raw: new GrebeContender('raw'),
      af_packet: new GrebeContender('af_packet'),
      af_xdp: new GrebeContender('af_xdp'),
    },
    twin: {
      raw: new TwinContender(twin, 'raw'),
      af_packet: new TwinContender(twin, 'af_packet'),
      af_xdp: new TwinContender(twin, 'af_xdp'),
    },
    openVSwitch: openVSwitch ? new OpenVSwitchContender() : null,
  };
}
