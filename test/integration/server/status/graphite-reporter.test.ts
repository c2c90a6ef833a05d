import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pino from 'pino';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { systemClock } from '../../../../src/shared/lib/clock.js';
import { GraphiteReporter } from '../../../../src/server/status/graphite-reporter.js';
import { eventually } from '../../../support/eventually.js';
import { freePort } from '../../../support/free-port.js';
import { testServerConfig } from '../../../support/server-settings.js';

const lines: string[] = [];
const logger = pino({}, { write: (line: string) => lines.push(line) });
const reporterFor = async (graphite: { graphite_host?: string; graphite_port?: number }) => {
  const config = await testServerConfig({ enable_graphite: true, ...graphite });
  return new GraphiteReporter(config, new Registry(), systemClock, logger);
};

it('tells of a Graphite that is away, and stops all the same', async () => {
  const reporter = await reporterFor({ graphite_host: '127.0.0.1', graphite_port: await freePort() });
  reporter.onApplicationBootstrap();
  await eventually(() => lines.join('').includes('Graphite takes no metrics'));
  await reporter.onApplicationShutdown();
});

it('does not wait at its stop for a Graphite that keeps the connection', async () => {
  const sockets: Socket[] = [];
  const mute = createServer({ allowHalfOpen: true }, (socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  const reporter = await reporterFor({ graphite_host: '127.0.0.1', graphite_port: port });
  reporter.onApplicationBootstrap();
  await eventually(() => sockets.length === 1);
  const begun = performance.now();
  await reporter.onApplicationShutdown();
  expect(performance.now() - begun).toBeLessThan(1000);
  sockets.forEach((socket) => socket.destroy());
  await new Promise((resolve) => mute.close(resolve));
});

it('refuses to start where nobody said where Graphite is', async () => {
  const reporter = await reporterFor({});
  expect(() => reporter.onApplicationBootstrap()).toThrow(/graphite_host is missing/);
});
