import { expect, test } from 'vitest';
import { endpointOf, needsIpv6 } from '../../../../../src/shared/platform/zmq/tcp-address.js';

test('splits an address and removes the brackets of IPv6', () => {
  expect(endpointOf('tcp://push.example.com:10002')).toEqual({ host: 'push.example.com', port: 10002 });
  expect(endpointOf('tcp://[2001:db8::1]:80')).toEqual({ host: '2001:db8::1', port: 80 });
});

test.each([
  ['tcp://[::1]:1', [], true],
  ['tcp://192.0.2.1:1', [], false],
  ['tcp://push:1', [6], true],
  ['tcp://push:1', [6, 6], true],
  ['tcp://push:1', [6, 4], false],
  ['tcp://push:1', [4], false],
])('%s with addresses of the families %j needs IPv6: %s', async (address, families, expected) => {
  const lookUp = () => Promise.resolve(families.map((family) => ({ family })));
  expect(await needsIpv6(address, lookUp)).toBe(expected);
});

test('does not ask for IPv6 if the lookup of a name fails', async () => {
  expect(await needsIpv6('tcp://push:1', () => Promise.reject(new Error('ENOTFOUND')))).toBe(false);
});
