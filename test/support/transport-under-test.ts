import { randomBytes, type KeyObject, generateKeyPairSync } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Logger } from 'pino';
import { ConfigModule } from '../../src/server/config/config.module.js';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { SERVER_KEYS, SESSIONS, type ServerKeys, type Session } from '../../src/server/keys/keys.port.js';
import { SessionRegistry } from '../../src/server/keys/session-registry.js';
import { SessionSeal } from '../../src/server/keys/session-seal.js';
import type { Clock } from '../../src/shared/lib/clock.js';
import { createLogger } from '../../src/shared/platform/logger.js';
import { type CurveKeyPair, generateCurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import type { NodeAddress } from '../../src/shared/protocol/node-address.js';
import { TransportModule } from '../../src/server/transport/transport.module.js';
import {
  COMMAND_CHANNEL,
  type CommandChannel,
  type DropReason,
  type ReceivedMessage,
  TRANSPORT_COUNTS,
  type TransportCounts,
} from '../../src/server/transport/transport.port.js';
import { eventually } from './eventually.js';
import { MemorySessionStore } from './memory-session-store.js';
import { testServerConfig } from './server-settings.js';
import { SimulatedNode, type SimulatedNodeOptions } from './simulated-node.js';

/** The organization that admitted nodes belong to, where a test does not say. */
export const ACME = { orgName: 'acme', orgId: 'a'.repeat(32) } as const;

/** What a test may choose. */
export interface TransportSetup {
  readonly secrets: ServerSecrets;
  readonly config?: Partial<ServerConfig>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Left out, a handler that records is registered. */
  readonly withoutHandler?: boolean;
}

/** A node that was admitted: its session and the Curve keys that it named. */
export interface AdmittedNode {
  readonly session: Session;
  readonly curve: CurveKeyPair;
}

/** The transport of the server with real sockets, its sessions kept in memory, and all that it told its handler. */
export class TransportUnderTest {
  readonly received: ReceivedMessage[] = [];
  readonly dropped: { address: NodeAddress; reason: DropReason }[] = [];
  /** The RSA key that verifies the config requests of all nodes here. */
  readonly nodeKey: KeyObject = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  private readonly nodes: SimulatedNode[] = [];

  private constructor(
    readonly app: INestApplicationContext,
    readonly config: ServerConfig,
    readonly sessions: SessionRegistry,
    readonly keys: ServerKeys,
    readonly channel: CommandChannel,
    readonly counts: TransportCounts,
  ) {}

  /** Starts the transport as the server does. */
  static async start(setup: TransportSetup): Promise<TransportUnderTest> {
    const config = await testServerConfig(setup.config);
    const logger = setup.logger ?? createLogger({ level: 'fatal' });
    const clock = setup.clock ?? { now: () => Date.now() };
    const sessions = new SessionRegistry({
      store: new MemorySessionStore(),
      seal: await SessionSeal.of(setup.secrets.session_seal_key),
      clock,
      logger,
      config,
    });
    const app = await Test.createTestingModule({
      imports: [ConfigModule.with(config, setup.secrets, logger, clock), TransportModule],
    })
      .overrideProvider(SESSIONS)
      .useValue(sessions)
      .compile();
    const transport = new TransportUnderTest(
      app,
      config,
      sessions,
      app.get<ServerKeys>(SERVER_KEYS),
      app.get<CommandChannel>(COMMAND_CHANNEL),
      app.get<TransportCounts>(TRANSPORT_COUNTS),
    );
    if (setup.withoutHandler !== true) transport.recordAll();
    await app.init();
    return transport;
  }

  /** Admits a node as its verified config request would. */
  async admit(node: string, org: { orgName: string; orgId: string } = ACME): Promise<AdmittedNode> {
    const curve = await generateCurveKeyPair();
    const session = await this.sessions.admit({ ...org, node }, curve.publicKey, this.nodeKey);
    return { session, curve };
  }

  /** A simulated node that has not been admitted, unless by what `options` hands over; closed with the transport. */
  connect(
    options: Partial<SimulatedNodeOptions> & Pick<SimulatedNodeOptions, 'node' | 'curve'>,
  ): SimulatedNode {
    const node = new SimulatedNode({
      org: ACME.orgName,
      sessionKey: randomBytes(32),
      serverCurveKey: this.keys.curve.publicKey,
      commandAddress: `tcp://127.0.0.1:${this.config.command_port}`,
      ...options,
    });
    this.nodes.push(node);
    return node;
  }

  /** Admits a node and connects it. */
  async join(node: string, options: Partial<SimulatedNodeOptions> = {}): Promise<SimulatedNode> {
    const { session, curve } = await this.admit(node);
    return this.connect({ node, curve, sessionKey: session.key, ...options });
  }

  /** Resolves when so many messages have been handed to the handler in all; to the last of these. */
  async receivedCount(count: number): Promise<ReceivedMessage> {
    return eventually(() => this.received[count - 1]);
  }

  /** Resolves when something was dropped for this reason so many times. */
  async droppedCount(reason: DropReason, count = 1): Promise<void> {
    await eventually(() => this.counts.dropped.get(reason) === count);
  }

  /** Stops all that was started. */
  async close(): Promise<void> {
    for (const node of this.nodes) node.close();
    await this.app.close();
  }

  private recordAll(): void {
    this.channel.handle({
      received: (message) => void this.received.push(message),
      dropped: (address, reason) => void this.dropped.push({ address, reason }),
    });
  }
}
