import t from 'tap';
import type { MaintenanceConfig, NetworkConfig } from '../../../src/config/network.js';
import { EMPTY_NETWORK } from '../../../src/network/change/network-state.js';
import { maintenanceProblems } from '../../../src/network/maintenance/rules.js';
import { circuitChanges, isActive } from '../../../src/network/maintenance/window.js';
import { interconnectConfig } from '../example-network.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Monday. */
const START = Date.parse('2026-01-05T00:00:00Z') / 1000;

function windowOf(name: string, more: Partial<MaintenanceConfig> = {}): MaintenanceConfig {
  return {
    name,
    colo: 'fra',
    device: 'edge1',
    starts: 3 * DAY,
    duration: 6 * HOUR,
    announced: 0,
    emergency: false,
    ...more,
  };
}

/** Two circuits on different devices of fra, one in ams. */
function networkWith(...maintenance: MaintenanceConfig[]): NetworkConfig {
  return {
    ...EMPTY_NETWORK,
    interconnects: [
      interconnectConfig('fra_1', 0),
      interconnectConfig('fra_2', 2, { device: 'edge2' }),
      interconnectConfig('ams_1', 4, { colo: 'ams' }),
    ],
    maintenance,
  };
}

function problems(...maintenance: MaintenanceConfig[]): string[] {
  return maintenanceProblems(networkWith(...maintenance), START).map(
    ({ index, code, field }) => `${index} ${code} ${field}`,
  );
}

t.test('a window takes the circuits of its device down, to the second', async (t) => {
  const { maintenance, interconnects } = networkWith(
    windowOf('m'),
    windowOf('all', { device: null, starts: 4 * DAY }),
  );
  t.strictSame(
    circuitChanges(maintenance, interconnects).map(
      ({ at, interconnect, down, cause }) => `${at} ${interconnect} ${down ? 'down' : 'up'}: ${cause}`,
    ),
    [
      `${3 * DAY} fra_1 down: maintenance m`,
      `${3 * DAY + 6 * HOUR} fra_1 up: maintenance m`,
      `${4 * DAY} fra_1 down: maintenance all`,
      `${4 * DAY} fra_2 down: maintenance all`,
      `${4 * DAY + 6 * HOUR} fra_1 up: maintenance all`,
      `${4 * DAY + 6 * HOUR} fra_2 up: maintenance all`,
    ],
  );
  const window = windowOf('m');
  t.strictSame(
    [3 * DAY - 1, 3 * DAY, 3 * DAY + 6 * HOUR - 1, 3 * DAY + 6 * HOUR].map((now) => isActive(window, now)),
    [false, true, true, false],
  );
});

t.test('two business days of notice, to the second', async (t) => {
  t.strictSame(problems(windowOf('m', { starts: 2 * DAY })), []);
  t.strictSame(problems(windowOf('m', { starts: 2 * DAY - 1 })), ['0 maintenance_notice_short announced']);
  t.strictSame(problems(windowOf('m', { starts: 2 * DAY - 1, emergency: true })), []);
  // Announced on Friday for Tuesday: a weekend between, and one business day short of a second.
  const friday = { announced: 4 * DAY + 1, starts: 8 * DAY };
  t.strictSame(problems(windowOf('m', friday)), ['0 maintenance_notice_short announced']);
  t.strictSame(problems(windowOf('m', { ...friday, announced: 4 * DAY })), []);
});

t.test('16 hours between redundant devices, to the second', async (t) => {
  const first = windowOf('m1');
  const second = (gap: number, more: Partial<MaintenanceConfig> = {}): MaintenanceConfig =>
    windowOf('m2', { device: 'edge2', starts: 3 * DAY + 6 * HOUR + gap, ...more });
  t.strictSame(problems(first, second(16 * HOUR)), []);
  t.strictSame(problems(first, second(16 * HOUR - 1)), ['1 maintenance_too_close starts']);
  t.strictSame(problems(second(16 * HOUR - 1), first), ['0 maintenance_too_close starts'], 'in any order');
  t.strictSame(problems(first, second(-HOUR)), ['1 maintenance_too_close starts']);
  t.match(
    maintenanceProblems(networkWith(first, second(-HOUR)), START)[0]?.message,
    /overlaps with m1 on edge1/,
  );
  t.strictSame(problems(first, second(HOUR, { emergency: true })), []);
  t.strictSame(
    problems(first, second(HOUR, { device: 'edge1' })),
    [],
    'the same device is not redundant to itself',
  );
  t.strictSame(problems(first, second(HOUR, { colo: 'ams', device: 'edge1' })), [], 'another PoP');
});

t.test('a window of nothing', async (t) => {
  t.strictSame(problems(windowOf('m', { device: 'edge9' })), ['0 maintenance_of_nothing device']);
  t.strictSame(problems(windowOf('m', { colo: 'lhr', device: null })), ['0 maintenance_of_nothing colo']);
  t.strictSame(problems(windowOf('m', { colo: 'FRA' })), [], 'PoPs without regard to case');
});
