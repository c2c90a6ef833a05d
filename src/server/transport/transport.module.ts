import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { KeysModule } from '../keys/keys.module.js';
import { BroadcastServer } from '../../shared/platform/broadcast/broadcast-server.js';
import { LISTENER_OPTIONS } from '../../shared/platform/zmq/socket-tools.js';
import { createServerContext, ZmqContext } from '../../shared/platform/zmq/zmq-context.js';
import { CommandRouter } from './command-router.js';
import { DescriptorWatch, maxSubscribers, openFilesLimit } from './descriptor-watch.js';
import { HeartbeatPublisher } from './heartbeat-publisher.js';
import { TransportCounters } from './transport-counters.js';
import { TransportLifecycle } from './transport-lifecycle.js';
import { CommandChannel, TransportCounts } from './transport.port.js';

const createBroadcastServer = (parent: Logger): BroadcastServer => {
  const logger = parent.child({ part: 'transport' });
  const maxConnections = maxSubscribers(openFilesLimit());
  return new BroadcastServer({
    maxConnections: () => maxConnections,
    handshakeMs: LISTENER_OPTIONS.handshakeInterval,
    backlog: LISTENER_OPTIONS.backlog,
    keepaliveIdle: LISTENER_OPTIONS.tcpKeepaliveIdle,
    closed: (reason) => logger.debug({ reason }, 'closed a connection to the heartbeat channel'),
    fault: (thrown) => logger.error({ err: thrown }, 'the heartbeat channel has an error'),
  });
};

/** The ZeroMQ channels between server and nodes. */
@Module({
  imports: [KeysModule],
  providers: [
    {
      provide: ZmqContext,
      inject: [SERVER_CONFIG],
      useFactory: (config: ServerConfig) => createServerContext(config.zmq_io_processes),
    },
    { provide: BroadcastServer, inject: [LOGGER], useFactory: createBroadcastServer },
    {
      provide: DescriptorWatch,
      inject: [LOGGER],
      useFactory: (logger: Logger) =>
        new DescriptorWatch(openFilesLimit(), logger.child({ part: 'transport' })),
    },
    TransportCounters,
    { provide: TransportCounts, useExisting: TransportCounters },
    CommandRouter,
    { provide: CommandChannel, useExisting: CommandRouter },
    HeartbeatPublisher,
    TransportLifecycle,
  ],
  exports: [CommandChannel, TransportCounts],
})
export class TransportModule {}
