/** The smallest useful file, word for word as the project promises it to work. */
export const EXAMPLE = `node: { name: fra-1, colo: fra, region: WEUR }
tunnels:
  - name: acme_fra_1
    cloudflare_gre_endpoint: 198.51.100.1     # ours: the anycast address (or: local)
    customer_gre_endpoint: 203.0.113.10       # theirs (or: remote)
    interface_address: 10.100.0.8/31          # optional, like all below
    key: 42
    checksum: false
    sequence: false
    mode: gre                                 # gre | gretap
    ttl: 64
    mtu: 1476
    mss_clamp: auto                           # auto | off | a number
    clear_dont_fragment_bit: false
    allowed_sources: [192.0.2.0/24]
routes:
  - { prefix: 192.0.2.0/24, nexthop: acme_fra_1, priority: 100, weight: 64, scope: { colo_regions: [WEUR] } }
`;

/** One tunnel named `a` with more keys (lines of four spaces), and what follows the tunnels. */
export function withTunnel(keys = '', rest = ''): string {
  return `node: { name: n }\ntunnels:\n  - name: a\n    local: 198.51.100.1\n    remote: 203.0.113.1\n${keys}${rest}`;
}
