import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { AppError } from '../../lib/app-error.js';

/** An address to listen on, as node:net expects it. */
export interface ListenAddress {
  /** An IPv4 address. */
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^tcp:\/\/(.+):(\d+|\*)$/;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

/**
 * Parses an address to listen on as libzmq does: `tcp://`, then `*`, an IPv4 address or the name of a network interface
 * (its first IPv4 address), then `:` and a port, or `*` for a free port. Throws an AppError for everything else, also for
 * IPv6 and host names, which libzmq does not accept here either.
 */
export const parseListenAddress = (
  address: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): ListenAddress => {
  const [, name = '', port = ''] = ADDRESS.exec(address) ?? [];
  const host = hostOf(name, interfaces);
  if (host !== undefined) return { host, port: port === '*' ? 0 : Number(port) };
  throw new AppError(
    'address_unusable',
    `cannot listen on ${address}: '${name}' is neither *, nor an IPv4 address, nor the name of an interface of this ` +
      'machine that has one',
  );
};

const hostOf = (name: string, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string | undefined => {
  if (name === '*') return '0.0.0.0';
  return IPV4.test(name) ? name : interfaces[name]?.find(({ family }) => family === 'IPv4')?.address;
};
