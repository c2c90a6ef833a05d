import { networkInterfaces } from 'node:os';

/** Whether this machine has IPv6 at least for itself: where it is switched off there is nothing to try it on. */
export const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
