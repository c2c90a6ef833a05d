import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ServerConfig } from './config/server-config.js';
import { listenOn } from '../shared/platform/bind-error.js';
import { parseListenAddress } from '../shared/platform/curve-front/listen-address.js';

type Ports = Pick<
  ServerConfig,
  'listen' | 'api_port' | 'zeromq_listen_address' | 'command_port' | 'server_heartbeat_port'
>;

/**
 * Throws an AppError that names the address if a port of the server is in use. A start takes the database over before it
 * opens its ports, so a second server that is started by mistake must end before that: the first one would have to stop.
 */
export const requireFreePorts = async (config: Ports): Promise<void> => {
  for (const port of [config.command_port, config.server_heartbeat_port]) {
    const address = `${config.zeromq_listen_address}:${port}`;
    await requireFree(address, parseListenAddress(address));
  }
  await requireFree(`${config.listen}:${config.api_port}`, { host: config.listen, port: config.api_port });
};

const requireFree = async (address: string, where: { host: string; port: number }): Promise<void> => {
  const probe = createServer((socket) => socket.destroy());
  await listenOn(probe, address, where);
  probe.close();
  await once(probe, 'close');
};
