import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pino from 'pino';
import { Registry } from 'prom-client';
import { expect, it, vi } from 'vitest';
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

it('logs that Graphite is unavailable, and stops', async () => {
  const reporter = await reporterFor({ graphite_host: '127.0.0.1', graphite_port: await freePort() });
  reporter.onApplicationBootstrap();
  await eventually(() => lines.join('').includes('Graphite does not accept metrics'));
  await reporter.onApplicationShutdown();
});

it('does not wait for a Graphite that keeps the connection open when it stops', async () => {
  const sockets: Socket[] = [];
  const silent = createServer({ allowHalfOpen: true }, (socket) => sockets.push(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const reporter = await reporterFor({ graphite_host: '127.0.0.1', graphite_port: port });
  // Without a time limit of the report, only the stop can end it.
  vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(new AbortController().signal);
  reporter.onApplicationBootstrap();
  await eventually(() => sockets.length === 1);
  await reporter.onApplicationShutdown();
  sockets.forEach((socket) => socket.destroy());
  await new Promise((resolve) => silent.close(resolve));
});

it('does not start without graphite_host', async () => {
  const reporter = await reporterFor({});
  expect(() => reporter.onApplicationBootstrap()).toThrow(/graphite_host is missing/);
});
