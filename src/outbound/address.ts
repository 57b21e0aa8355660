/**
 * Which addresses the program may call: public unicast ones. Everything else
 * (loopback, private, link-local with its metadata services, multicast, ranges
 * that embed another address) is refused.
 */
import ipaddr from "ipaddr.js";

/** Compatible addresses embed an IPv4 one; `::127.0.0.1` counts as unicast elsewhere. */
const ipv4Compatible = ipaddr.IPv6.parseCIDR("::/96");

/** Why an address may not be called: `loopback`, `private`; undefined when it may. */
export function findAddressRefusal(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return "no address";
  // An IPv4 address in IPv6 clothes is judged as what it is.
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.match(ipv4Compatible)) return "ipv4Compatible";
  const range = parsed.range();
  return range === "unicast" ? undefined : range;
}

/** The address that a URL's host is; undefined when it is a name. */
export function readAddress(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, "$1");
  return ipaddr.isValid(bare) ? bare : undefined;
}
