import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { KeysModule } from '../keys/keys.module.js';
import { HeartbeatSocket } from '../../shared/platform/zmq/heartbeat-socket.js';
import { createServerContext, ZmqContext } from '../../shared/platform/zmq/zmq-context.js';
import { CommandRouter } from './command-router.js';
import { DescriptorWatch, openFilesLimit } from './descriptor-watch.js';
import { HeartbeatPublisher } from './heartbeat-publisher.js';
import { TransportCounters } from './transport-counters.js';
import { TransportLifecycle } from './transport-lifecycle.js';
import { CommandChannel, TransportCounts } from './transport.port.js';

/** The ZeroMQ channels between server and nodes. */
@Module({
  imports: [KeysModule],
  providers: [
    {
      provide: ZmqContext,
      inject: [SERVER_CONFIG],
      useFactory: (config: ServerConfig) => createServerContext(config.zmq_io_processes),
    },
    {
      provide: HeartbeatSocket,
      inject: [ZmqContext],
      useFactory: (context: ZmqContext) => new HeartbeatSocket(context),
    },
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
