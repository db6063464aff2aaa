/** Small scenarios for tests: text, so that expectations have lines. */

/** Pings through one tunnel; `expect` and `timeline` are items of the lists, one a line. */
export function oneTunnel(expect: readonly string[], timeline: readonly string[] = [], more = ''): string {
  return `name: one-tunnel
duration: 20s
edge:
  endpoints: [198.51.100.1]
  pops: [fra, iad]
prefixes: [192.0.2.0/24]
tunnels:
  - { name: one, local: 198.51.100.1, remote: 203.0.113.10, interface_address: 10.100.0.0/31 }
routes:
  - { prefix: 192.0.2.0/24, nexthop: one }
providers: [isp]
sites:
  acme:
    at: fra
    prefixes: [192.0.2.0/24]
    routers:
      r1: { uplinks: { isp: 203.0.113.10 }, mss_clamp: { uplink: 1436 } }
    hosts: { web: { address: 192.0.2.10 } }
hosts:
  client: { at: cdg, address: 198.18.1.10 }
traffic:
  pings: { ping: client -> web, interval: 100ms }
  pages: { tcp: client -> web:443, connections: 5, over: 5s, upload: 20kB, download: 20kB }
${more}${list('timeline', timeline)}${list('expect', expect)}`;
}

/** Two circuits of dataplane 2 and a tunnel as their backup, BGP over one of them. */
export function circuits(expect: readonly string[], timeline: readonly string[] = []): string {
  return `name: circuits
duration: 60s
edge:
  endpoints: [198.51.100.1]
  pops: [fra, ams, iad]
  convergence: 5s
prefixes: [192.0.2.0/24]
interconnects:
  - { name: cni_1, colo: fra, dataplane: 2, interface_address: 10.200.0.0/31, health_check: { rate: high } }
  - { name: cni_2, colo: ams, dataplane: 2, interface_address: 10.200.0.2/31, health_check: { rate: high } }
tunnels:
  - name: backup
    local: 198.51.100.1
    remote: 203.0.113.10
    interface_address: 10.100.0.0/31
    health_check: { rate: high }
bgp_sessions:
  - { name: bgp_1, nexthop: cni_1, customer_asn: 65010, hold_time: 9s }
routes:
  - { prefix: 192.0.2.0/24, nexthop: cni_2, priority: 150 }
  - { prefix: 192.0.2.0/24, nexthop: backup, priority: 300 }
providers: [isp]
sites:
  acme:
    at: fra
    prefixes: [192.0.2.0/24]
    routers:
      r1:
        uplinks: { isp: 203.0.113.10 }
        circuits: [cni_1, cni_2]
        bgp: { bgp_1: { announces: [192.0.2.0/24] } }
    hosts: { web: { address: 192.0.2.10 } }
hosts:
  client: { at: cdg, address: 198.18.1.10 }
traffic:
  pings: { ping: client -> web, interval: 100ms }
${list('timeline', timeline)}${list('expect', expect)}`;
}

function list(name: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `${name}:\n${items.map((item) => `  - ${item}\n`).join('')}`;
}
