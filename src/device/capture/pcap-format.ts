/** Numbers of the pcap format (draft-ietf-opsawg-pcap). */

export const PCAP_HEADER_BYTES = 24;
/** In front of each packet: seconds, fraction, captured length, length on the wire, 4 bytes each. */
export const RECORD_HEADER_BYTES = 16;
export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;

/** The header of a pcap 2.4 file in little-endian order. */
export function pcapFileHeader(resolution: 'micro' | 'nano', snaplen: number, linkType: number): Uint8Array {
  const header = new Uint8Array(PCAP_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, resolution === 'nano' ? PCAP_MAGIC_NANOSECONDS : PCAP_MAGIC_MICROSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, snaplen, true);
  view.setUint32(20, linkType, true);
  return header;
}
