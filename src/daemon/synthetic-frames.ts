/** Packets made beforehand, for the tunnels and routes of a configuration. */
import { LinkType } from '../dataplane/link-type.js';
import type { TablesSpec } from '../dataplane/tables.js';
import { ConfiguredNetwork } from '../traffic/configured-network.js';
import { ImpossibleTraffic, TrafficGenerator, type GenerateKind } from '../traffic/generator.js';
import { IMIX, weightedSizes } from '../traffic/sizes.js';

/** Raw IP packets one behind the other, in shared memory. */
export interface FrameRing {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Offset and length of each. */
  readonly spans: Int32Array;
}

export interface FrameOptions {
  readonly kind: GenerateKind;
  readonly count: number;
  readonly flows: number;
  readonly faultShare: number;
  readonly seed: number;
}

/** No frames at all where the tunnels and routes allow no traffic of this kind. */
export function makeFrames(spec: TablesSpec, options: FrameOptions): FrameRing {
  const { count } = options;
  const generator = generatorFor(spec, options);
  const spans = new Int32Array(new SharedArrayBuffer(count * 8));
  const chunks: Uint8Array[] = [];
  let made = 0;
  let end = 0;
  for (; generator !== null && made < count;) {
    generator.next();
    if (generator.linkType !== LinkType.RAW) continue;
    chunks.push(generator.bytes.slice(0, generator.length));
    spans[2 * made] = end;
    spans[2 * made + 1] = generator.length;
    end += generator.length;
    made++;
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(end));
  chunks.forEach((chunk, i) => {
    bytes.set(chunk, spans[2 * i]);
  });
  return { count: made, bytes, spans };
}

function generatorFor(spec: TablesSpec, options: FrameOptions): TrafficGenerator | null {
  const { kind, flows, faultShare, seed } = options;
  try {
    return new TrafficGenerator(new ConfiguredNetwork(spec), {
      kind,
      link: 'raw',
      flows,
      sizes: weightedSizes('imix', IMIX),
      synShare: 0.02,
      ipv6Share: spec.routes.some((route) => route.address.length === 16) ? 0.2 : 0,
      transitShare: 0.1,
      faultShare,
      mixedLinkTypes: false,
      rate: 1_000_000,
      seed: seed >>> 0,
    });
  } catch (error) {
    if (!(error instanceof ImpossibleTraffic)) throw error;
    return kind === 'mixed' ? generatorFor(spec, { ...options, kind: 'tunnel' }) : null;
  }
}
