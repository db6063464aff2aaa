/** 64-byte UDP packets through the tunnel: what arrives, with few packets under way and flooded. */
import { compare } from '../comparison.js';
import type { Context } from '../context.js';
import type { Cast } from '../cast.js';
import { runUdp } from '../generators.js';
import { Stage } from '../stage.js';

/** Packets under way: fewer than a TUN's queue holds, so that none is lost. */
const WINDOW = 256;

export async function udp(context: Context, cast: Cast): Promise<void> {
  const { grebe, twin, openVSwitch } = cast;
  for (const [name, options] of [
    ['udp', { window: WINDOW }],
    ['udp-flood', { window: 0 }],
  ] as const) {
    await compare(context, {
      name,
      unit: 'k packets/s',
      digits: 0,
      contenders: [
        ...[grebe.af_packet, twin.af_packet, grebe.raw, twin.raw],
        ...(openVSwitch === null ? [] : [openVSwitch]),
      ],
      claims: [
        { ours: grebe.af_packet, theirs: twin.af_packet, limit: 0.8 },
        { ours: grebe.raw, theirs: twin.raw, limit: 0.8 },
      ],
      open: (contender) => Stage.tunnel(contender),
      measure: async ({ cable }) => {
        const { received } = await runUdp(context, cable, 'rate', { seconds: context.seconds, ...options });
        return received / 1000;
      },
    });
  }
}
