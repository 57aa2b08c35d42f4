/** Which addresses an upstream may have. A name that resolves anywhere else is refused as a whole. Pure. */
import ipaddr from 'ipaddr.js';
import { AppError } from '../../errors.ts';

type Address = ReturnType<typeof ipaddr.process>;
export type AddressRange = [Address, number];

/** Azure's platform address answers with credentials to any guest, though it looks like a public one. */
const METADATA = new Set(['168.63.129.16']);

/** Parses the operator's CIDR ranges. Throws `config_invalid`. */
export function parseRanges(host: string, ranges: readonly string[]): AddressRange[] {
  return ranges.map((range) => {
    try {
      return ipaddr.parseCIDR(range);
    } catch (cause) {
      throw new AppError('config_invalid', `The upstream ${host} has an address range that is not CIDR.`, {
        cause,
      });
    }
  });
}

/** All that is handed out as global unicast (RFC 4291, 2.4): whatever else looks public, `::7f00:1` say, is a disguise. */
const GLOBAL_IPV6: AddressRange = [ipaddr.parse('2000::'), 3];

function parse(address: string): Address | null {
  // `process` turns an IPv4-mapped IPv6 address into the IPv4 address it stands for.
  return ipaddr.isValid(address) ? ipaddr.process(address) : null;
}

function inRange(address: Address, [base, bits]: AddressRange): boolean {
  return address.kind() === base.kind() && address.match([base, bits] as [ipaddr.IPv4, number]);
}

/** True for a public unicast address, or one that the operator allowed for this upstream. */
export function isAllowedAddress(text: string, allowed: readonly AddressRange[]): boolean {
  const address = parse(text);
  if (address === null) return false;
  if (allowed.some((range) => inRange(address, range))) return true;
  if (address.kind() === 'ipv6' && !inRange(address, GLOBAL_IPV6)) return false;
  return address.range() === 'unicast' && !METADATA.has(address.toString());
}

export function isLoopback(text: string): boolean {
  return parse(text)?.range() === 'loopback';
}
