import t from 'tap';
import {
  HEALTH_CHECK_DEFAULTS,
  type AlertConfig,
  type InterconnectConfig,
  type MaintenanceConfig,
} from '../../../src/config/network.js';
import { describeAlert, type MaintenanceAlert } from '../../../src/network/alerts/alert.js';
import { MaintenanceAlerts } from '../../../src/network/alerts/maintenance-alerts.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

const circuit = (name: string, options: Partial<InterconnectConfig> = {}): InterconnectConfig => ({
  name,
  description: '',
  colo: 'fra',
  device: 'edge1',
  dataplane: 1,
  kind: 'direct',
  product: 'classic',
  interface_address: '192.0.2.0/31',
  speed: 10e9,
  links: 1,
  vlan: null,
  mtu: 1476,
  gre_less: false,
  bfd: false,
  light_level_dbm: -5,
  health_check: HEALTH_CHECK_DEFAULTS,
  ...options,
});

const work = (options: Partial<MaintenanceConfig> = {}): MaintenanceConfig => ({
  name: 'work',
  colo: 'FRA',
  device: 'edge1',
  starts: 5 * DAY,
  duration: 6 * HOUR,
  announced: 0,
  emergency: false,
  ...options,
});

const all: AlertConfig = { name: 'all', type: 'maintenance', colo_names: null, events: null };
const circuits = [circuit('cni1'), circuit('cni2', { device: 'edge2' })];

function sent(alerts: readonly MaintenanceAlert[]): [number, string, string][] {
  return alerts.map(({ at, name, event }) => [at, name, event]);
}

t.test('new maintenance is told of after six hours', async (t) => {
  const alerts = new MaintenanceAlerts([all]);
  t.same(alerts.plan(0, [work()], circuits), []);
  t.equal(alerts.next, 6 * HOUR);
  t.same(alerts.advance(6 * HOUR - 1), []);
  const told = alerts.advance(6 * HOUR);
  t.same(told, [
    {
      type: 'maintenance',
      at: 6 * HOUR,
      name: 'all',
      event: 'scheduled',
      maintenance: 'work',
      colo: 'FRA',
      device: 'edge1',
      starts: 5 * DAY,
      duration: 6 * HOUR,
      interconnects: ['cni1'],
    },
  ]);
  t.equal(
    describeAlert(told[0]!),
    'all: maintenance work of edge1 in FRA scheduled: 21600 s from 432000 s on, cni1',
  );
  t.same(alerts.advance(6 * DAY), [], 'once');
  t.equal(alerts.next, Infinity);
});

t.test('not more than two weeks ahead', async (t) => {
  const alerts = new MaintenanceAlerts([all]);
  alerts.plan(0, [work({ starts: 20 * DAY })], circuits);
  t.equal(alerts.next, 6 * DAY);
  t.same(alerts.advance(6 * DAY - 1), []);
  t.same(sent(alerts.advance(6 * DAY)), [[6 * DAY, 'all', 'scheduled']]);
});

t.test('what changes in the first six hours tires nobody', async (t) => {
  const alerts = new MaintenanceAlerts([all]);
  alerts.plan(0, [work()], circuits);
  t.same(alerts.plan(HOUR, [work({ starts: 6 * DAY })], circuits), []);
  const told = alerts.advance(6 * HOUR);
  t.same(sent(told), [[6 * HOUR, 'all', 'scheduled']]);
  t.equal(told[0]!.starts, 6 * DAY, 'the newest');
  const off = new MaintenanceAlerts([all]);
  off.plan(0, [work()], circuits);
  t.same(off.plan(HOUR, [], circuits), []);
  t.same(off.advance(5 * DAY), [], 'cancelled before it was told of');
});

t.test('changes and cancellation are told of at once', async (t) => {
  const alerts = new MaintenanceAlerts([all]);
  alerts.plan(0, [work()], circuits);
  alerts.advance(6 * HOUR);
  t.same(alerts.plan(7 * HOUR, [work()], circuits), [], 'nothing has changed');
  t.same(sent(alerts.plan(8 * HOUR, [work({ starts: 6 * DAY })], circuits)), [[8 * HOUR, 'all', 'updated']]);
  t.same(alerts.plan(8 * HOUR, [work({ starts: 6 * DAY })], circuits), [], 'once');
  t.same(sent(alerts.plan(9 * HOUR, [], circuits)), [[9 * HOUR, 'all', 'canceled']]);
  t.same(alerts.plan(10 * HOUR, [], circuits), []);
});

t.test('what is over is not cancelled', async (t) => {
  const alerts = new MaintenanceAlerts([all]);
  alerts.plan(0, [work()], circuits);
  alerts.advance(6 * HOUR);
  t.same(alerts.plan(5 * DAY + 6 * HOUR, [], circuits), []);
});

t.test('an emergency waits as well, and what is over by then is not told of', async (t) => {
  const alerts = new MaintenanceAlerts([all]);
  alerts.plan(0, [work({ emergency: true, starts: 2 * HOUR })], circuits);
  t.same(sent(alerts.advance(6 * HOUR)), [[6 * HOUR, 'all', 'scheduled']], 'while it is under way');
  const late = new MaintenanceAlerts([all]);
  late.plan(0, [work({ emergency: true, starts: HOUR, duration: 5 * HOUR })], circuits);
  t.equal(late.next, Infinity);
  t.same(late.advance(DAY), []);
});

t.test('only what interrupts circuits of dataplane 1 is told of', async (t) => {
  const toldOf = (maintenance: MaintenanceConfig, circuits: InterconnectConfig[]): readonly string[] => {
    const alerts = new MaintenanceAlerts([all]);
    alerts.plan(0, [maintenance], circuits);
    return alerts.advance(5 * DAY).flatMap(({ interconnects }) => interconnects);
  };
  t.same(toldOf(work(), circuits), ['cni1'], 'of its device');
  t.same(toldOf(work({ device: null }), circuits), ['cni1', 'cni2'], 'of the whole PoP');
  t.same(toldOf(work({ colo: 'ams' }), circuits), [], 'not of another PoP');
  t.same(toldOf(work(), [circuit('cni1', { dataplane: 2 })]), [], 'not of dataplane 2');
  const alerts = new MaintenanceAlerts([all]);
  alerts.plan(0, [work()], circuits);
  alerts.advance(6 * HOUR);
  t.same(
    sent(alerts.plan(7 * HOUR, [work()], [circuits[1]!])),
    [[7 * HOUR, 'all', 'canceled']],
    'its circuit is gone',
  );
});

t.test('alerts can be had for some PoPs and some events', async (t) => {
  const alerts = new MaintenanceAlerts([
    { ...all, name: 'fra', colo_names: ['fra', 'lhr'] },
    { ...all, name: 'ams', colo_names: ['ams'] },
    { ...all, name: 'off', events: ['canceled'] },
    { name: 'slo', type: 'tunnel_health', slo: 0.9, tunnels: null },
  ]);
  const both = [work(), work({ name: 'other', colo: 'ams', starts: 6 * DAY })];
  alerts.plan(0, both, [...circuits, circuit('cni3', { colo: 'ams' })]);
  t.same(sent(alerts.advance(6 * HOUR)), [
    [6 * HOUR, 'fra', 'scheduled'],
    [6 * HOUR, 'ams', 'scheduled'],
  ]);
  t.same(sent(alerts.plan(DAY, [], circuits)), [
    [DAY, 'fra', 'canceled'],
    [DAY, 'off', 'canceled'],
    [DAY, 'ams', 'canceled'],
    [DAY, 'off', 'canceled'],
  ]);
});
