import { randomBytes, type KeyObject, generateKeyPairSync } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Logger } from 'pino';
import { ConfigModule } from '../../src/server/config/config.module.js';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { Sessions, ServerKeys, type Session } from '../../src/server/keys/keys.port.js';
import { SessionRegistry } from '../../src/server/keys/session-registry.js';
import { SessionSeal } from '../../src/server/keys/session-seal.js';
import type { Clock } from '../../src/shared/lib/clock.js';
import { createLogger } from '../../src/shared/platform/logger.js';
import { type CurveKeyPair, generateCurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import type { NodeAddress } from '../../src/shared/protocol/node-address.js';
import { TransportModule } from '../../src/server/transport/transport.module.js';
import {
  CommandChannel,
  type DropReason,
  type ReceivedMessage,
  TransportCounts,
} from '../../src/server/transport/transport.port.js';
import { eventually } from './eventually.js';
import { MemorySessionStore } from './memory-session-store.js';
import { testServerConfig } from './server-settings.js';
import { SimulatedNode, type SimulatedNodeOptions } from './simulated-node.js';

/** Default organization of admitted nodes. */
export const ACME = { orgName: 'acme', orgId: 'a'.repeat(32) } as const;

/** How the transport is started. */
export interface TransportSetup {
  readonly secrets: ServerSecrets;
  readonly config?: Partial<ServerConfig>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** True: register no handler (default: one that records). */
  readonly withoutHandler?: boolean;
}

/** An admitted node: its session and its Curve keys. */
export interface AdmittedNode {
  readonly session: Session;
  readonly curve: CurveKeyPair;
}

/** The server's transport with real sockets and sessions in memory; it records what its handler receives. */
export class TransportUnderTest {
  readonly received: ReceivedMessage[] = [];
  readonly dropped: { address: NodeAddress; reason: DropReason }[] = [];
  /** RSA key that verifies the config requests of all nodes. */
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
      seal: await SessionSeal.create(setup.secrets.session_seal_key),
      clock,
      logger,
      config,
    });
    const app = await Test.createTestingModule({
      imports: [ConfigModule.with(config, setup.secrets, logger, clock), TransportModule],
    })
      .overrideProvider(Sessions)
      .useValue(sessions)
      .compile();
    const transport = new TransportUnderTest(
      app,
      config,
      sessions,
      app.get(ServerKeys),
      app.get(CommandChannel),
      app.get(TransportCounts),
    );
    if (setup.withoutHandler !== true) transport.recordAll();
    await app.init();
    return transport;
  }

  /** Admits a node as its verified config request does. */
  async admit(node: string, org: { orgName: string; orgId: string } = ACME): Promise<AdmittedNode> {
    const curve = await generateCurveKeyPair();
    const session = await this.sessions.admit({ ...org, node }, curve.publicKey, this.nodeKey);
    return { session, curve };
  }

  /** Connects a simulated node, which is admitted only if `options` has the keys of `admit`; `close` closes it too. */
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

  /** Waits until the handler has received `count` messages in total; returns the last of them. */
  async waitForReceived(count: number): Promise<ReceivedMessage> {
    return eventually(() => this.received[count - 1]);
  }

  /** Waits until `count` frames have been dropped for this reason. */
  async waitForDropped(reason: DropReason, count = 1): Promise<void> {
    await eventually(() => this.counts.dropped.get(reason) === count);
  }

  /** Closes the nodes and the transport. */
  async close(): Promise<void> {
    for (const node of this.nodes) node.close();
    await this.app.close();
  }

  private recordAll(): void {
    this.channel.setHandler({
      received: (message) => void this.received.push(message),
      dropped: (address, reason) => void this.dropped.push({ address, reason }),
    });
  }
}
