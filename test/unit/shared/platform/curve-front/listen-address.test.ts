import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { parseListenAddress } from '../../../../../src/shared/platform/curve-front/listen-address.js';

const ipv4 = { address: '192.0.2.7', family: 'IPv4' } as NetworkInterfaceInfo;
const ipv6 = { address: 'fe80::1', family: 'IPv6' } as NetworkInterfaceInfo;
const INTERFACES = { eth0: [ipv6, ipv4], 'eth0:1': [{ ...ipv4, address: '192.0.2.8' }], tun0: [ipv6] };

describe('parseListenAddress', () => {
  it.each([
    ['tcp://*:10002', '0.0.0.0', 10_002],
    ['tcp://192.0.2.1:10002', '192.0.2.1', 10_002],
    ['tcp://127.0.0.1:*', '127.0.0.1', 0],
    ['tcp://eth0:10002', '192.0.2.7', 10_002],
    ['tcp://eth0:1:10002', '192.0.2.8', 10_002],
  ])('parses %s', (address, host, port) => {
    expect(parseListenAddress(address, INTERFACES)).toEqual({ host, port });
  });

  it.each(['tcp://[::1]:10002', 'tcp://push.example.com:10002', 'tcp://tun0:10002', 'tcp://eth1:10002'])(
    'throws for %s',
    (address) => {
      expect(() => parseListenAddress(address, INTERFACES)).toThrow(`cannot listen on ${address}: '`);
    },
  );
});
