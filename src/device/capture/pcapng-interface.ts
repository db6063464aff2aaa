import { canonicalLinkType } from '../../dataplane/link-type.js';
import { timeUnit, type TimeUnit } from './capture-time.js';
import type { CaptureInterface } from './packet-cursor.js';
import { OptionCode } from './pcapng-format.js';
import { optionText, type CaptureOption } from './pcapng-options.js';

/** An interface of a pcapng section, with what its times are counted in. */
export interface PcapngInterface extends CaptureInterface {
  readonly unit: TimeUnit;
}

/** Builds an interface from the fields of its description block. */
export function pcapngInterface(
  linkType: number,
  snaplen: number,
  options: CaptureOption[],
): PcapngInterface {
  const resolution = options.find(({ code }) => code === OptionCode.IF_TSRESOL)?.value[0];
  const offset = options.find(({ code, value }) => code === OptionCode.IF_TSOFFSET && value.length >= 8);
  const unit = timeUnit(resolution, offset === undefined ? 0 : signed64(offset.value));
  return {
    linkType: canonicalLinkType(linkType),
    snaplen,
    name: optionText(options, OptionCode.IF_NAME),
    nanoseconds: unit.finerThanMicroseconds,
    options,
    unit,
  };
}

function signed64(littleEndian: Uint8Array): number {
  return Number(new DataView(littleEndian.buffer, littleEndian.byteOffset).getBigInt64(0, true));
}
