import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session, Sessions } from '../../../../src/server/keys/keys.port.js';
import type { JobStore } from '../../../../src/server/jobs/job-store.port.js';
import { JobSupervisor } from '../../../../src/server/jobs/live/job-supervisor.js';
import { NodeRegistry } from '../../../../src/server/nodes/node-registry.js';
import type { NodeStore } from '../../../../src/server/nodes/node-store.port.js';
import { NodeTable } from '../../../../src/server/nodes/node-table.js';
import type { NodeMessageHandler } from '../../../../src/server/transport/transport.port.js';
import { createLogger } from '../../../../src/shared/platform/logger.js';
import type { ClientMessage } from '../../../../src/shared/protocol/client-message.js';
import type { NodeCommand } from '../../../../src/shared/protocol/server-message.js';
import { testServerConfig } from '../../../support/server-settings.js';
import { newJob, randomId } from '../../../support/new-job.js';

const ORG = 'a'.repeat(32);
const INTERVAL_MS = 1_000;
const VOTING_MS = 20_000;
const MAX_RUN_S = 60;
const NODES = ['web1', 'web2'] as const;
const INCARNATION = 'one';

type Sent = Pick<ClientMessage, 'type' | 'job_id'> & { readonly job_state?: string };

/** A client that does one job at a time. Messages in both directions wait until a step delivers them. */
class ModelClient {
  job: { readonly id: string; readonly running: boolean } | undefined;
  readonly fromServer: NodeCommand[] = [];
  readonly toServer: Sent[] = [];
  /** Whether its next message is the first on a connection. */
  isNewConnection = true;

  takeCommand(accepts: boolean): void {
    const command = this.fromServer.shift();
    if (command === undefined || command.type === 'ack' || command.type === 'output_wanted') return;
    if (command.type === 'abort') return this.drop();
    const id = command.job_id;
    const isThisJob = this.job?.id === id;
    if (command.type === 'commit') {
      if (this.job === undefined && accepts) this.job = { id, running: false };
      return this.send(this.job?.id === id ? 'ack_commit' : 'nack_commit', id);
    }
    if (isThisJob) this.job = { id, running: true };
    this.send(isThisJob ? 'ack_run' : 'nack_run', id);
  }

  endCommand(): void {
    if (this.job?.running !== true) return;
    this.send('succeeded', this.job.id);
    this.job = undefined;
  }

  beat(): void {
    const state = this.job === undefined ? 'idle' : this.job.running ? 'running' : 'committed';
    this.toServer.push({ type: 'heartbeat', job_state: state, job_id: this.job?.id ?? null });
  }

  /** Everything that is on its way in either direction is lost. */
  reconnect(): void {
    this.fromServer.length = 0;
    this.toServer.length = 0;
    this.isNewConnection = true;
  }

  private drop(): void {
    this.send('aborted', this.job?.id ?? null);
    this.job = undefined;
  }

  private send(type: Sent['type'], id: string | null): void {
    this.toServer.push({ type, job_id: id });
  }
}

type Step =
  | { readonly do: 'start'; readonly nodes: readonly string[]; readonly runTimeout: number }
  | { readonly do: 'abort'; readonly job: number }
  | { readonly do: 'command'; readonly node: string; readonly accepts: boolean }
  /** The result may be lost with the connection. */
  | { readonly do: 'end'; readonly node: string; readonly isLost: boolean }
  /** Delivers all messages and commands until none is left. */
  | { readonly do: 'exchange' | 'message' | 'beat' | 'reconnect'; readonly node: string }
  | { readonly do: 'wait'; readonly intervals: number };

const node = fc.constantFrom(...NODES);
const weighted = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const step: fc.Arbitrary<Step> = fc.oneof(
  weighted(
    4,
    fc.record({
      do: fc.constant('start'),
      nodes: fc.subarray([...NODES], { minLength: 1 }),
      runTimeout: fc.constantFrom(2, 20, MAX_RUN_S),
    }),
  ),
  weighted(2, fc.record({ do: fc.constant('abort'), job: fc.nat(2) })),
  weighted(8, fc.record({ do: fc.constant('exchange'), node })),
  weighted(2, fc.record({ do: fc.constant('command'), node, accepts: fc.boolean() })),
  weighted(2, fc.record({ do: fc.constant('message'), node })),
  weighted(2, fc.record({ do: fc.constant('beat'), node })),
  weighted(3, fc.record({ do: fc.constant('end'), node, isLost: fc.boolean() })),
  weighted(1, fc.record({ do: fc.constant('reconnect'), node })),
  weighted(2, fc.record({ do: fc.constant('wait'), intervals: fc.constantFrom(1, 1, 1, 2, 9, 21) })),
);

/** The server's nodes and jobs, with model clients instead of a network and a store that keeps nothing. */
class World {
  readonly clients = new Map(NODES.map((name) => [name as string, new ModelClient()]));
  readonly jobs: string[] = [];
  /** Aborts that were sent to a node whose latest yes is to another live job than those that had ended. */
  readonly violations: string[] = [];
  /** The job that each node has said yes to last, as far as the server has heard. */
  private readonly latestYes = new Map<string, string>();
  private handler: NodeMessageHandler | undefined;
  private sequence = 0;

  private constructor(
    readonly registry: NodeRegistry,
    readonly supervisor: JobSupervisor,
  ) {}

  static async open(config: Awaited<ReturnType<typeof testServerConfig>>): Promise<World> {
    const clock = { now: () => Date.now() };
    const logger = createLogger({ level: 'fatal' });
    const nodeStore: NodeStore = {
      load: () =>
        Promise.resolve(
          NODES.map((name) => ({ orgId: ORG, node: name, incarnation: INCARNATION, heardAt: 0 })),
        ),
      save: () => undefined,
      deleteUnheardSince: () => Promise.resolve([]),
    };
    const sessions = { shortestHeartbeatInterval: () => INTERVAL_MS, registerBusyCheck: () => undefined };
    const store = {
      loadLive: () => Promise.resolve([]),
      loadLost: () => Promise.resolve([]),
      saveNodeStatus: () => undefined,
      saveJobStatus: () => undefined,
      saveLateResult: () => undefined,
      saveEvents: () => undefined,
      deleteEvents: () => undefined,
      flushed: () => Promise.resolve(),
    } satisfies Partial<JobStore>;
    let world: World | undefined = undefined as World | undefined;
    const channel = {
      setHandler: (handler: NodeMessageHandler) => void (world!.handler = handler),
      send: (to: readonly { readonly node: string }[], command: NodeCommand) => {
        for (const { node: name } of to) world!.sent(name, command);
      },
    };
    const table = new NodeTable(clock);
    const registry = new NodeRegistry(
      config,
      sessions as unknown as Sessions,
      channel,
      nodeStore,
      table,
      clock,
      logger,
    );
    const supervisor = new JobSupervisor(config, store as unknown as JobStore, registry, clock, logger);
    world = new World(registry, supervisor);
    await supervisor.recover();
    await registry.start();
    supervisor.resumeRecovered();
    for (const client of world.clients.values()) client.beat();
    for (const name of NODES) world.deliver(name);
    return world;
  }

  async take(each: Step): Promise<void> {
    switch (each.do) {
      case 'start':
        if (this.jobs.length < 3) await this.start(each.nodes, each.runTimeout);
        break;
      case 'abort':
        this.supervisor.find(ORG, this.jobs[each.job] ?? '')?.requestAbort();
        break;
      case 'command':
        this.clients.get(each.node)!.takeCommand(each.accepts);
        break;
      case 'message':
        this.deliver(each.node);
        break;
      case 'beat':
        this.clients.get(each.node)!.beat();
        break;
      case 'end':
        this.clients.get(each.node)!.endCommand();
        if (each.isLost) this.clients.get(each.node)!.reconnect();
        break;
      case 'exchange':
        await this.exchange(each.node);
        break;
      case 'reconnect':
        this.clients.get(each.node)!.reconnect();
        break;
      case 'wait':
        await vi.advanceTimersByTimeAsync(each.intervals * INTERVAL_MS);
    }
    await vi.advanceTimersByTimeAsync(0);
  }

  private async exchange(name: string): Promise<void> {
    const client = this.clients.get(name)!;
    while (client.fromServer.length + client.toServer.length > 0) {
      client.takeCommand(true);
      this.deliver(name);
      await vi.advanceTimersByTimeAsync(0);
    }
  }

  async start(nodes: readonly string[], runTimeout: number): Promise<void> {
    const now = Date.now();
    const job = newJob({
      orgId: ORG,
      id: randomId(),
      nodes,
      runTimeout,
      quorum: 1,
      createdAt: now,
      votingDeadline: now + VOTING_MS,
    });
    this.jobs.push(job.id);
    const started = this.supervisor.start(job);
    await vi.advanceTimersByTimeAsync(0);
    await started;
  }

  isLive(id: string, name: string): boolean {
    return this.supervisor.find(ORG, id)?.isNodeLive(name) === true;
  }

  stop(): void {
    this.supervisor.stop();
    this.registry.stop();
  }

  private sent(name: string, command: NodeCommand): void {
    const latest = this.latestYes.get(name);
    if (command.type === 'abort' && latest !== undefined && this.isLive(latest, name))
      this.violations.push(`${name} gets abort while it is in ${latest}`);
    this.clients.get(name)!.fromServer.push(command);
  }

  private deliver(name: string): void {
    const client = this.clients.get(name)!;
    const message = client.toServer.shift();
    if (message === undefined) return;
    const isYes = message.type === 'ack_commit' || message.type === 'ack_run';
    if (isYes) this.latestYes.set(name, message.job_id!);
    const firstOnConnection = client.isNewConnection;
    client.isNewConnection = false;
    const address = { orgId: ORG, node: name };
    this.handler!.received({
      address,
      session: {
        address,
        orgName: 'acme',
        key: Buffer.alloc(32),
        validUntil: Infinity,
        heartbeatInterval: INTERVAL_MS,
      } satisfies Session,
      message: {
        node: name,
        org: 'acme',
        sequence: ++this.sequence,
        timestamp: '',
        incarnation_id: INCARNATION,
        ...message,
      } as ClientMessage,
      firstOnConnection,
    });
  }
}

describe('two or three jobs on shared nodes, whose clients do one job at a time', () => {
  let config: Awaited<ReturnType<typeof testServerConfig>>;
  beforeEach(async () => {
    config = await testServerConfig({
      heartbeat_interval: INTERVAL_MS,
      rehab_timer: 500,
      lost_contact_timeout: 5,
    });
    vi.useFakeTimers();
  });
  afterEach(() => void vi.useRealTimers());

  it('are independent: the abort of one does not reach a node that has said yes to the next one', async () => {
    const world = await World.open(config);
    await world.take({ do: 'start', nodes: ['web1'], runTimeout: 20 });
    await world.take({ do: 'exchange', node: 'web1' });
    await world.take({ do: 'end', node: 'web1', isLost: true });
    await world.take({ do: 'start', nodes: ['web1', 'web2'], runTimeout: 20 });
    await world.take({ do: 'exchange', node: 'web1' });
    const [first, second] = world.jobs as [string, string];
    expect([world.isLive(first, 'web1'), world.isLive(second, 'web1')]).toEqual([true, true]);
    await world.take({ do: 'abort', job: 0 });
    expect([world.isLive(first, 'web1'), world.isLive(second, 'web1')]).toEqual([false, true]);
    expect(world.clients.get('web1')?.fromServer).toEqual([]);
    world.stop();
  });

  it('never send abort to a node whose latest yes is to another live job, and all of them end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const world = await World.open(config);
        try {
          for (const each of steps) await world.take(each);
          expect(world.violations).toEqual([]);
          // Both clients are silent now.
          await vi.advanceTimersByTimeAsync(VOTING_MS + MAX_RUN_S * 1000 + 1000);
          expect(world.supervisor.ids()).toEqual([]);
          expect(world.violations).toEqual([]);
        } finally {
          world.stop();
        }
      }),
      { numRuns: 300 },
    );
  });
});
