/** What holds on a circuit, by dataplane and product (behaviour §5). Sizes are bytes of the customer's IP packets. */
import type { InterconnectConfig } from '../../config/network.js';
import { GRE_HEADER, IPV4_HEADER } from '../../wire/protocol.js';

/** What a circuit carries of IP, both ways. */
export const CIRCUIT_MTU = 1500;

const GRE_OVERHEAD = IPV4_HEADER + GRE_HEADER;

/** Bits per second that the edge takes from a GRE tunnel (dataplane 1) or connection (dataplane 2). */
export const INGRESS_RATE = 1e9;

export type Delivery = 'gre' | 'plain';

export interface CircuitRules {
  readonly delivery: { readonly toCustomer: Delivery; readonly toEdge: Delivery };
  /** Largest IP packet, by direction. */
  readonly mtu: { readonly toCustomer: number; readonly toEdge: number };
  /** What may be used. */
  readonly vlan: boolean;
  readonly bfd: boolean;
  readonly lacp: boolean;
  /** `required`: without an established session the circuit carries nothing. */
  readonly bgp: 'required' | 'optional' | 'none';
  /** Whether routes that the other side announces are taken. */
  readonly learns: boolean;
  /** What has 1 Gbit/s towards the edge for itself. */
  readonly policedBy: 'tunnel' | 'connection';
}

/** The dataplane decides; an express circuit is plain both ways and without BGP whatever stands there. */
export function rulesOf({
  dataplane,
  product,
  kind,
  gre_less,
}: Pick<InterconnectConfig, 'dataplane' | 'product' | 'kind' | 'gre_less'>): CircuitRules {
  const express = product === 'express';
  const v1 = dataplane === 1;
  const delivery: CircuitRules['delivery'] =
    express || !v1
      ? { toCustomer: 'plain', toEdge: 'plain' }
      : { toCustomer: gre_less ? 'plain' : 'gre', toEdge: 'gre' };
  return {
    delivery,
    mtu: { toCustomer: mtuOf(delivery.toCustomer), toEdge: mtuOf(delivery.toEdge) },
    vlan: v1,
    bfd: v1 && !express,
    lacp: v1,
    bgp: express ? 'none' : v1 ? 'required' : 'optional',
    learns: !express && kind !== 'cloud',
    policedBy: delivery.toEdge === 'gre' ? 'tunnel' : 'connection',
  };
}

/** Whether the edge can hand it packets as they are, so that it is a next hop by itself. */
export function takesPlain(interconnect: Parameters<typeof rulesOf>[0]): boolean {
  return rulesOf(interconnect).delivery.toCustomer === 'plain';
}

function mtuOf(delivery: Delivery): number {
  return delivery === 'gre' ? CIRCUIT_MTU - GRE_OVERHEAD : CIRCUIT_MTU;
}
