import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** How long it is waited for a name to be looked up, in milliseconds. */
const LOOKUP_MS = 5000;

/** Finds the addresses of a name. */
type LookUp = (host: string, options: { readonly all: true }) => Promise<{ readonly family: number }[]>;

/** Host and port of an address `tcp://HOST:PORT`; an IPv6 address without its brackets. */
export const endpointOf = (address: string): { readonly host: string; readonly port: number } => {
  const { hostname, port } = new URL(address);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
};

/**
 * Whether a `tcp://` address can be reached by IPv6 alone, of which a socket of ZeroMQ must be told: told so, it takes
 * the IPv6 address of a name that has both, also where there is no way to it. A name that is not known now counts as one
 * of IPv4.
 */
export const needsIpv6 = async (address: string, lookUp: LookUp = lookup): Promise<boolean> => {
  const { host } = endpointOf(address);
  if (isIP(host) !== 0) return isIP(host) === 6;
  try {
    const found = await Promise.race([lookUp(host, { all: true }), delay(LOOKUP_MS, [], { ref: false })]);
    return found.length > 0 && found.every(({ family }) => family === 6);
  } catch {
    return false; // ZeroMQ will look the name up itself, again and again
  }
};
