/**
 * Structure-aware fuzzing of the dataplane: `npm run fuzz -- --seed N --packets N`.
 * Exit code 0: nothing found; 1: a disagreement, printed with all that is needed to see it again; 2: wrong usage.
 */
import { parseArgs } from 'node:util';
import { Misc, TUNNEL_COUNTERS } from '../../src/dataplane/counters.js';
import { Arena } from './arena.js';
import { Prng } from './prng.js';
import { describeCoverage, describeFailure } from './report.js';
import { Session } from './session.js';

const USAGE = `usage: npm run fuzz -- [options]
  --seed N           random seed (default: from the clock; printed)
  --packets N        frames in all (default 1000000)
  --oracle-share S   share of vectors compared with the oracle, 0 to 1 (default 0.1)
  --session N        only session N, to see a disagreement again
  --session-packets N  frames with one set of tables (default 50000)
  --failures N       disagreements to print before giving up (default 1)`;

interface Arguments {
  seed: number;
  packets: number;
  oracleShare: number;
  session: number | null;
  sessionPackets: number;
  failures: number;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      packets: { type: 'string', default: '1000000' },
      'oracle-share': { type: 'string', default: '0.1' },
      session: { type: 'string' },
      'session-packets': { type: 'string', default: '50000' },
      failures: { type: 'string', default: '1' },
    },
  });
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (text === '' || !Number.isFinite(value) || value < 0)
      throw new RangeError(`--${name}: not a number: ${text}`);
    return value;
  };
  return {
    seed: values.seed === undefined ? Date.now() % 0x1_0000_0000 : number('seed', values.seed),
    packets: number('packets', values.packets),
    oracleShare: number('oracle-share', values['oracle-share']),
    session: values.session === undefined ? null : number('session', values.session),
    sessionPackets: number('session-packets', values['session-packets']),
    failures: number('failures', values.failures),
  };
}

/** Every eighth session starves the pipeline of extra slots. */
const STARVED_EVERY = 8;
const STARVED_SLOTS = 24;

function fuzz(args: Arguments): number {
  const arena = new Arena(new Prng(args.seed, 1, 1));
  const small = new Arena(new Prng(args.seed, 1, 2), { extraSlots: STARVED_SLOTS, starving: true });
  const total = new Float64Array(TUNNEL_COUNTERS);
  let packets = 0;
  let compared = 0;
  let failures = 0;
  const start = process.hrtime.bigint();
  for (let number = args.session ?? 0; packets < args.packets && failures < args.failures; number++) {
    const session = new Session(number % STARVED_EVERY === STARVED_EVERY - 1 ? small : arena, {
      seed: args.seed,
      session: number,
      packets: Math.min(args.sessionPackets, args.packets - packets),
      oracleShare: args.oracleShare,
    });
    session.run();
    for (const failure of session.failures.slice(0, args.failures - failures)) {
      console.log(describeFailure(args.seed, failure, arena));
      failures++;
    }
    for (let i = 0; i < TUNNEL_COUNTERS; i++) total[i]! += session.counters[i]!;
    packets = total[Misc.received_packets]!;
    compared += session.compared;
    if (args.session !== null) break;
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  console.log(describeCoverage(total));
  console.log(
    `seed ${args.seed}: ${packets} packets, ${compared} compared with the oracle, ${failures} disagreements, ` +
      `${seconds.toFixed(1)} s, ${Math.round(packets / seconds)} packets/s`,
  );
  return failures === 0 ? 0 : 1;
}

function main(): number {
  let args: Arguments;
  try {
    args = readArguments();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  console.log(`seed ${args.seed}`);
  return fuzz(args);
}

process.exitCode = main();
