import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { ACTIVITY, type Activity } from '../config/leadership.port.js';
import { CLOCK, LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { KeysModule } from '../keys/keys.module.js';
import { SERVER_KEYS, SESSIONS, type ServerKeys, type Sessions } from '../keys/keys.port.js';
import type { Clock } from '../../shared/lib/clock.js';
import { HeartbeatSocket } from '../../shared/platform/zmq/heartbeat-socket.js';
import { createServerContext, type ZmqContext } from '../../shared/platform/zmq/zmq-context.js';
import { CommandRouter } from './command-router.js';
import { HeartbeatPublisher } from './heartbeat-publisher.js';
import { TrafficCounts } from './traffic-counts.js';
import { TransportLifecycle } from './transport-lifecycle.js';
import { COMMAND_CHANNEL, TRANSPORT_COUNTS } from './transport.port.js';

const ZMQ_CONTEXT = Symbol('ZMQ_CONTEXT');

const scopeOf = (logger: Logger): Logger => logger.child({ part: 'transport' });

const createCommandRouter = (
  context: ZmqContext,
  keys: ServerKeys,
  sessions: Sessions,
  counts: TrafficCounts,
  config: ServerConfig,
  activity: Activity,
  clock: Clock,
  logger: Logger,
): CommandRouter =>
  new CommandRouter({
    context,
    keys,
    sessions,
    counts,
    activity,
    clock,
    logger: scopeOf(logger),
    limits: {
      maxBodySize: config.max_body_size,
      get maxSkewMs() {
        return config.max_time_skew * 1000;
      },
    },
  });

const createHeartbeatPublisher = (
  context: ZmqContext,
  keys: ServerKeys,
  sessions: Sessions,
  counts: TrafficCounts,
  config: ServerConfig,
  activity: Activity,
  clock: Clock,
  logger: Logger,
): HeartbeatPublisher =>
  new HeartbeatPublisher({
    socket: new HeartbeatSocket(context),
    keys,
    counts,
    activity,
    clock,
    logger: scopeOf(logger),
    serverName: config.server_name_advertised,
    intervalMs: () => sessions.shortestInterval(),
  });

/** Gives the command channel and keeps the heartbeats going. */
@Module({
  imports: [KeysModule],
  providers: [
    {
      provide: ZMQ_CONTEXT,
      useFactory: (config: ServerConfig) => createServerContext(config.zmq_io_processes),
      inject: [SERVER_CONFIG],
    },
    { provide: TRANSPORT_COUNTS, useClass: TrafficCounts },
    {
      provide: COMMAND_CHANNEL,
      useFactory: createCommandRouter,
      inject: [ZMQ_CONTEXT, SERVER_KEYS, SESSIONS, TRANSPORT_COUNTS, SERVER_CONFIG, ACTIVITY, CLOCK, LOGGER],
    },
    {
      provide: HeartbeatPublisher,
      useFactory: createHeartbeatPublisher,
      inject: [ZMQ_CONTEXT, SERVER_KEYS, SESSIONS, TRANSPORT_COUNTS, SERVER_CONFIG, ACTIVITY, CLOCK, LOGGER],
    },
    {
      provide: TransportLifecycle,
      useFactory: (
        router: CommandRouter,
        heartbeats: HeartbeatPublisher,
        config: ServerConfig,
        sessions: Sessions,
        keys: ServerKeys,
        logger: Logger,
      ) => new TransportLifecycle(router, heartbeats, config, sessions, keys, scopeOf(logger)),
      inject: [COMMAND_CHANNEL, HeartbeatPublisher, SERVER_CONFIG, SESSIONS, SERVER_KEYS, LOGGER],
    },
  ],
  exports: [COMMAND_CHANNEL, TRANSPORT_COUNTS],
})
export class TransportModule {}
