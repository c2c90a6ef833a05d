import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Time limit for a name lookup. */
const LOOKUP_MS = 5000;

/** Resolves a host name to its addresses. */
type DnsLookup = (host: string, options: { readonly all: true }) => Promise<{ readonly family: number }[]>;

/** Splits an address `tcp://HOST:PORT`; an IPv6 host is returned without brackets. */
export const endpointOf = (address: string): { readonly host: string; readonly port: number } => {
  const { hostname, port } = new URL(address);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
};

/**
 * Whether a `tcp://` address has IPv6 addresses only. ZeroMQ sockets have an option for that, which must be off for a name
 * with both kinds: with it ZeroMQ uses the IPv6 address even without a route to it. An unknown name counts as IPv4.
 */
export const needsIpv6 = async (address: string, lookUp: DnsLookup = lookup): Promise<boolean> => {
  const { host } = endpointOf(address);
  if (isIP(host) !== 0) return isIP(host) === 6;
  try {
    const addresses = await Promise.race([lookUp(host, { all: true }), delay(LOOKUP_MS, [], { ref: false })]);
    return addresses.length > 0 && addresses.every(({ family }) => family === 6);
  } catch {
    return false; // ZeroMQ retries the lookup itself
  }
};
