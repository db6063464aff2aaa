// The map of the house (docs/architecture.md): each room names the rooms it may import.
// A room that is not named here as allowed is forbidden, so that the map cannot rot.
const rooms = {
  cli: [
    'daemon',
    'simulator',
    'replay',
    'api',
    'traffic',
    'observability',
    'network',
    'device',
    'config',
    'dataplane',
    'wire',
  ],
  daemon: ['traffic', 'observability', 'network', 'device', 'config', 'dataplane', 'wire'],
  replay: ['traffic', 'observability', 'network', 'device', 'config', 'dataplane', 'wire'],
  simulator: ['traffic', 'observability', 'network', 'device', 'config', 'dataplane', 'wire'],
  api: ['observability', 'network', 'device', 'config', 'dataplane', 'wire'],
  traffic: ['network', 'device', 'config', 'dataplane', 'wire'],
  observability: ['network', 'device', 'config', 'dataplane', 'wire'],
  network: ['config', 'dataplane', 'wire'],
  device: ['dataplane', 'wire'],
  config: [],
  dataplane: ['wire'],
  wire: [],
};

const directions = Object.entries(rooms).map(([room, below]) => ({
  name: `${room}-imports-only-below`,
  comment: `src/${room} may import ${below.length ? below.map((b) => `src/${b}`).join(', ') : 'no other room'}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, ...below].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...directions,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'device-sees-pool-and-vector-only',
      comment: 'a device knows packets, not protocols: of the dataplane it imports the pool and the vector',
      severity: 'error',
      from: { path: '^src/device/' },
      to: { path: '^src/dataplane/', pathNot: '^src/dataplane/(packet-pool|packet-vector|link-type)\\.ts$' },
    },
    {
      name: 'pure-dataplane',
      comment: 'no clock, no I/O, no config, no logging inside the dataplane and the wire formats',
      severity: 'error',
      from: { path: '^src/(dataplane|wire)/' },
      to: { pathNot: '^src/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
