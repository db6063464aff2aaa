/** `grebe generate`: captures of traffic that nobody sent. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../config/load.js';
import { captureFormatFor, type CaptureFormat } from '../device/capture/capture-writer.js';
import { compile } from '../network/compile.js';
import { ConfiguredNetwork } from '../traffic/configured-network.js';
import {
  GENERATE_KINDS,
  ImpossibleTraffic,
  TrafficGenerator,
  type GenerateKind,
} from '../traffic/generator.js';
import type { TrafficNetwork } from '../traffic/network.js';
import { TRAFFIC_LINKS, type TrafficLink } from '../traffic/packet.js';
import { parseSizes, SIZE_LIMITS, type SizeModel } from '../traffic/sizes.js';
import { MAX_SYNTHETIC_TUNNELS, SyntheticNetwork } from '../traffic/synthetic-network.js';
import { writeNetworkConfig, writeTraffic } from '../traffic/write.js';
import { integer } from './arguments.js';
import { UsageError } from './errors.js';
import { count, plural } from './format.js';
import { ProgressBar } from './progress.js';
import { refuseSameFiles } from './same-file.js';
import { untilSignal } from './signals.js';

interface Options {
  kind: GenerateKind;
  out: string;
  config?: string;
  tunnels?: number;
  writeConfig?: string;
  packets: number;
  flows?: number;
  size: SizeModel;
  synShare: number;
  ipv6Share: number;
  transitShare: number;
  faultShare: number;
  link?: TrafficLink;
  rate: number;
  seed: number;
  format?: CaptureFormat;
}

const STDIO = '-';
const DEFAULT_TUNNELS = 16;
const DEFAULT_FLOWS = 1000;
const MAX_UINT32 = 0xffff_ffff;
/** Above this rate microseconds no longer tell packets apart. */
const MICRO_RATE = 1_000_000;

const HELP = `
Kinds:
  tunnel    GRE from the customers' endpoints to ours, as it arrives on the underlay
  internet  plain packets from the Internet to routed prefixes, as they arrive on the underlay
  overlay   packets to routed prefixes, as they arrive on the overlay (give them to replay --in-overlay)
  mixed     both that arrive on the underlay: two tunnel packets for one from the Internet

Examples:
  A hundred thousand tunnel packets for the tunnels of a configuration, two per cent of them faulty:
    $ grebe generate --kind tunnel --config edge.yaml --packets 100000 --fault-share 0.02 --out tunnel.pcap

  A network of 10,000 made-up tunnels, its traffic, and the configuration that fits:
    $ grebe generate --kind mixed --tunnels 10000 --write-config net.yaml --packets 1000000 --out net.pcap
    $ grebe replay --config net.yaml --in net.pcap

  SYNs to clamp, a third of them IPv6, on a VLAN:
    $ grebe generate --kind internet --config edge.yaml --syn-share 1 --ipv6-share 0.33 --link vlan --out syn.pcapng

  Straight into a replay:
    $ grebe generate --kind tunnel --config edge.yaml --size 1476 --out - | grebe replay --config edge.yaml --in -

Exit codes: 0 fine, 1 the work failed, 2 wrong usage or configuration. See docs/generate.md.`;

export function generateCommand(): Command {
  return new Command('generate')
    .description('Write a capture of synthetic traffic: the same seed gives the same file on every machine.')
    .addOption(
      new Option('--kind <kind>', 'what the packets are, see below')
        .choices(GENERATE_KINDS)
        .makeOptionMandatory(),
    )
    .requiredOption('--out <file>', 'capture to write (.pcapng in the name: pcapng; - is standard output)')
    .option('--config <file>', 'take tunnels and routes from this configuration (YAML)')
    .option(
      '--tunnels <n>',
      `without --config: make up so many tunnels, 1 to ${MAX_SYNTHETIC_TUNNELS} (default: ${DEFAULT_TUNNELS})`,
      integer(1, MAX_SYNTHETIC_TUNNELS),
    )
    .option('--write-config <file>', 'without --config: write the configuration of the made-up tunnels')
    .option('--packets <n>', 'packets to write', integer(0, Number.MAX_SAFE_INTEGER), 10_000)
    .option(
      '--flows <n>',
      `flows that they belong to (default: ${DEFAULT_FLOWS}, or the number of made-up tunnels if that is more)`,
      integer(1, MAX_UINT32),
    )
    .addOption(
      new Option(
        '--size <bytes>',
        `bytes of the inner IP packet: a number from ${SIZE_LIMITS.smallest} to ${SIZE_LIMITS.largest}, imix (64, 576 and 1476 as 7:4:1) or uniform:A-B`,
      )
        .argParser(sizes)
        .default(parseSizes('imix'), 'imix'),
    )
    .option('--syn-share <share>', 'share of TCP SYNs and SYN-ACKs among all packets, 0 to 1', share, 0.02)
    .option('--ipv6-share <share>', 'share of IPv6 among the inner packets', share, 0)
    .option(
      '--transit-share <share>',
      'share of the flows out of tunnels that go into a tunnel again',
      share,
      0.1,
    )
    .option('--fault-share <share>', 'share of faulty packets, of every drop reason', share, 0)
    .addOption(
      new Option('--link <link>', 'link header (default: ethernet; raw for kind overlay)').choices(
        TRAFFIC_LINKS,
      ),
    )
    .option('--rate <pps>', 'packets per second of the timestamps', rate, 100_000)
    .option('--seed <n>', 'start of the random numbers, 0 to 4294967295', integer(0, MAX_UINT32), 1)
    .addOption(
      new Option('--format <format>', 'format of the capture (default: by name)').choices(['pcap', 'pcapng']),
    )
    .addHelpText('after', HELP)
    .action(run);
}

function sizes(text: string): SizeModel {
  try {
    return parseSizes(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function share(text: string): number {
  const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 to 1.');
}

function rate(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value <= 1e9) return value;
  throw new InvalidArgumentError('Expected packets per second, above 0 and up to 1000000000.');
}

async function run(options: Options): Promise<void> {
  checkUsage(options);
  const { out, writeConfig, packets } = options;
  const synthetic =
    options.config === undefined ? new SyntheticNetwork(options.tunnels ?? DEFAULT_TUNNELS) : null;
  const generator = createGenerator(synthetic ?? configured(options.config ?? ''), options);
  const bar = new ProgressBar();
  const summary = await untilSignal(async (signal) => {
    const written = await writeTraffic(generator, {
      path: out,
      packets,
      format: options.format,
      resolution: options.rate > MICRO_RATE ? 'nano' : 'micro',
      signal,
      onProgress: (done) => {
        bar.show({ packets: done, bytesRead: done, totalBytes: packets });
      },
    }).finally(() => {
      bar.stop();
    });
    if (synthetic !== null && writeConfig !== undefined)
      await writeNetworkConfig(synthetic, writeConfig, signal);
    return written;
  });
  const text = `${plural(summary.packets, 'packet')} (${count(summary.faults)} faulty), ${plural(summary.bytes, 'byte')}`;
  const toStdout = [out, writeConfig].includes(STDIO);
  (toStdout ? process.stderr : process.stdout).write(`${text}\n`);
}

function checkUsage({ config, tunnels, writeConfig, out }: Options): void {
  if (config !== undefined && tunnels !== undefined) {
    throw new UsageError('--tunnels makes tunnels up, --config reads them: give one of the two');
  }
  if (config !== undefined && writeConfig !== undefined) {
    throw new UsageError(
      '--write-config writes the configuration of made-up tunnels: not together with --config',
    );
  }
  refuseSameFiles(
    [{ option: '--config', path: config }],
    [
      { option: '--out', path: out },
      { option: '--write-config', path: writeConfig },
    ],
  );
}

function configured(path: string): TrafficNetwork {
  return new ConfiguredNetwork(compile(loadConfig(path)));
}

function createGenerator(network: TrafficNetwork, options: Options): TrafficGenerator {
  const { kind, out, format = captureFormatFor(out) } = options;
  try {
    return new TrafficGenerator(network, {
      ...options,
      link: options.link ?? (kind === 'overlay' ? 'raw' : 'ethernet'),
      flows: options.flows ?? Math.max(DEFAULT_FLOWS, options.tunnels ?? 0),
      sizes: options.size,
      mixedLinkTypes: format === 'pcapng',
    });
  } catch (error) {
    if (error instanceof ImpossibleTraffic)
      throw new UsageError(`${options.config ?? 'network'}: ${error.message}`);
    throw error;
  }
}
