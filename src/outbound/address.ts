/**
 * Which addresses the program may call: public unicast ones. Everything else
 * (loopback, private, link-local with its metadata services, multicast, ranges
 * that embed another address) is refused.
 */
import { isIP } from "node:net";

import ipaddr from "ipaddr.js";

/** Compatible addresses embed an IPv4 one; `::127.0.0.1` counts as unicast elsewhere. */
const ipv4Compatible = ipaddr.IPv6.parseCIDR("::/96");

/** Metadata services of clouds that have addresses in ranges of other kinds: Alibaba, AWS and Google over IPv6, Azure. */
const metadata = new Set(["100.100.100.200", "fd00:ec2::254", "fd20:ce::254", "168.63.129.16"]);

/** Why an address may not be called: `loopback`, `private`; undefined when it may. */
export function findAddressRefusal(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return "no address";
  // An IPv4 address in IPv6 clothes is judged as what it is.
  const parsed = ipaddr.process(address);
  if (metadata.has(parsed.toString())) return "metadata";
  const range = parsed.range();
  if (range !== "unicast") return range;
  return parsed instanceof ipaddr.IPv6 && parsed.match(ipv4Compatible) ? "ipv4Compatible" : undefined;
}

const inside = new Set(["loopback", "private", "uniqueLocal", "carrierGradeNat"]);

/** The same where the configuration allows a private place: this host and its networks, never metadata services or multicast. */
export function findPrivateRefusal(address: string): string | undefined {
  const refusal = findAddressRefusal(address);
  return refusal !== undefined && inside.has(refusal) ? undefined : refusal;
}

/** The address that a URL's host is; undefined when it is a name. */
export function readAddress(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, "$1");
  return ipaddr.isValid(bare) ? bare : undefined;
}

/** What TLS asks for when the connection goes to an address that was judged: it knows names alone (RFC 6066). */
export function tlsNameOf(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}
