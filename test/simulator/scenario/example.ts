/** A scenario with everything in it, for tests that change a piece of it. */
export const EVERYTHING = `name: everything
description: All that a scenario can have.
seed: 7
duration: 10m
start: 2026-03-01T12:00:00Z
edge:
  asn: 64500
  endpoints: [198.51.100.1, 198.51.100.2, "2001:db8:ffff::1"]
  pops:
    generate: 3
    servers: 4
    capacity: 100Gbps
    fra: { servers: 2 }
    lab: { at: [50, 8.6], capacity: 10Gbps }
  spread_too_big: false
  reassembly: false
  convergence: 5s
  turn: 50us
prefixes: [192.0.2.0/24, 203.0.112.0/24, "2001:db8:42::/48"]
tunnels:
  - &one
    name: one
    local: 198.51.100.1
    remote: 203.0.113.10
    interface_address: 10.100.0.0/31
    health_check: { type: request, direction: bidirectional, rate: high }
    automatic_return_routing: true
  - { <<: *one, name: two, local: 198.51.100.2, interface_address: 10.100.0.2/31 }
  - { name: over_cni, local: 198.51.100.1, remote: 10.200.0.1, interface_address: 10.100.0.4/31 }
  - { name: six, local: "2001:db8:ffff::1", remote: "2001:db8:1::2" }
interconnects:
  - name: cni_1
    colo: fra
    device: edge2
    dataplane: 1
    kind: partner
    interface_address: 10.200.0.0/31
    speed: 100Gbps
    links: 2
    vlan: 100
    gre_less: true
    bfd: true
    light_level_dbm: -8.5
  - { name: cni_2, colo: LAB, dataplane: 2, product: express, interface_address: 10.200.0.2/31 }
routes:
  - { prefix: 192.0.2.0/24, nexthop: one, weight: 70, scope: { colo_regions: [WEUR] } }
  - { prefix: 192.0.2.0/24, nexthop: 10.100.0.3, weight: 30 }
  - { prefix: 192.0.2.0/24, nexthop: cni_2, priority: 200, scope: { colo_names: [lab] } }
  - { prefix: 203.0.112.0/24, nexthop: cni_1 }
  - { prefix: "2001:db8:42::/48", nexthop: six }
bgp_sessions:
  - { name: acme_bgp, nexthop: cni_1, customer_asn: 65010, md5_key: secret, hold_time: 30s }
  - { name: tunnel_bgp, nexthop: one, customer_asn: 65010 }
maintenance:
  - { name: window, colo: fra, device: edge2, starts: 2m, duration: 1m, announced: -3d }
alerts:
  - { name: tunnels, type: tunnel_health, slo: 99.9%, tunnels: [one, cni_2] }
  - { name: windows, type: maintenance, colo_names: [fra], events: [scheduled, canceled] }
providers:
  isp_one: { at: ams }
  isp_two: {}
sites:
  acme:
    at: fra
    prefixes: [192.0.2.0/24, "2001:db8:42::/48"]
    lan: { delay: 50us, rate: 40Gbps }
    routers:
      r1:
        prefixes: [192.0.2.0/25]
        uplinks:
          isp_one: 203.0.113.10
          six: { provider: isp_two, address: "2001:db8:1::2", rate: 1Gbps, down: { loss: 1%, mtu: 1400 }, up: { delay: 9ms, too_big: filter } }
        circuits: { cni_1: { vlan: 200, delay: 2ms } }
        tunnel_mtu: 1400
        mss_clamp: { uplink: 1436, tunnel: 1360 }
        egress: tunnel
        tunnel_egress: primary
        firewall: stateful
        icmp: filter
        bgp:
          acme_bgp:
            asn: 65011
            md5_key: other
            hold_time: 9s
            graceful_restart: true
            announces: [192.0.2.0/25, { prefix: 192.0.2.128/25, prepend: 2, communities: ["13335:60050"] }]
        site_tunnels:
          inner: { local: 192.0.2.1, remote: 203.0.112.1, mtu: 1400, prefixes: [10.2.0.0/16] }
      r2: { circuits: [cni_2], prefixes: [] }
    hosts:
      web: { address: [192.0.2.10, "2001:db8:42::10"], mtu: 1400, mss: 1300, path_mtu_discovery: false, listens: [443, udp/5060] }
  branch:
    at: [53.5, 10]
    prefixes: [203.0.112.0/24]
    routers:
      r3: { uplinks: { isp_two: 203.0.113.20 } }
    hosts: { pc: { address: 203.0.112.10 } }
hosts:
  client: { at: cdg, address: 198.18.0.10 }
  bots: { at: SIN, address: [198.18.0.20, "2001:db8:f::1"] }
traffic:
  pages: { tcp: client -> web:443, at: 1s, until: 5m, connections: 3, over: 10s, download: 1MB, upload: 2kB }
  voice: { udp: bots→web:5060, flows: 2, rate: 50pps, size: 200, echo: true }
  pings: { ping: client -> web, interval: 100ms, size: 1500, dont_fragment: false }
  way: { traceroute: client -> web }
  attack: { flood: gre, from: [bots, client], to: 198.51.100.1, rate: 10kpps }
  replay: { capture: attack.pcapng, from: bots }
timeline:
  - { at: 10s, fail: r1.isp_one, for: 20s, note: the first ISP fails }
  - { at: 5s, fail: fra/2 }
  - { at: 6s, restore: fra/2 }
  - { at: 7s, fail: cni_1/2 }
  - { at: 8s, degrade: cni_1, loss: 5%, rate: 1Gbps, for: 1s }
  - { at: 9s, light_level: cni_1, dbm: -25 }
  - { at: 10s, bgp_withdraw: 192.0.2.0/25, session: acme_bgp }
  - { at: 11s, bgp_announce: 192.0.2.0/25, session: acme_bgp, prepend: 1, communities: ["13335:60010"] }
  - { at: 12s, bgp_restart: acme_bgp, for: 30s }
  - { at: 13s, relay: lost, for: 10m }
  - at: 14s
    put:
      tunnels: [{ name: one, mtu: 1400 }, { name: late, local: 198.51.100.2, remote: 203.0.113.20 }]
      routes: [{ prefix: 192.0.2.0/24, nexthop: one, priority: 50 }]
      prefixes: [203.0.114.0/24]
    remove: { endpoint_health_checks: [six], routes: [203.0.112.0/24 via cni_1], alerts: [windows] }
  - { at: 15s, fail: late }
expect:
  - { reach: pages, to: 30s }
  - { share: one, of: [one, two], is: 70%, within: 5%, from: 1s, to: 5s }
  - { gap: pings, max: 2s }
  - { failover: the first ISP fails, traffic: pings, max: 1.5s }
  - { mss: pages, side: client, is: 1436 }
  - { largest_packet: cni_1.down, max: 1500 }
  - { health: one, colo: FRA, is: down, at: 20s, name: down in Frankfurt }
  - { status: cni_1, is: unhealthy }
  - { bgp: acme_bgp, is: established, at: 1s }
  - { alert: windows, raised: false }
  - { drops: vlan_mismatch, node: cni_1.down, min: 1 }
  - { drops: mtu_exceeded, is: 0 }
  - { throughput: voice, min: 1kbps, max: 1Gbps }
endpoint_health_checks:
  - { name: web, endpoint: 192.0.2.10 }
  - { name: six, endpoint: "2001:DB8:42:0::10" }
`;
