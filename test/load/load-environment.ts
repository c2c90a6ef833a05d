import { createPrivateKey } from 'node:crypto';
import { PushJobsClient } from '../../src/shared/api-client/push-jobs-client.js';
import { systemClock } from '../../src/shared/lib/clock.js';
import { HttpClient } from '../../src/shared/platform/http/http-client.js';
import { SignedHttp } from '../../src/shared/platform/http/signed-http.js';
import { eventually } from '../support/eventually.js';
import { SimulatedNodes } from './simulated-nodes.js';
import { Installation, ORG, USER } from './installation.js';
import { OrgFeedWatcher } from './org-feed-watcher.js';

/** How the environment of a scenario is set up. */
export interface EnvironmentOptions {
  readonly nodeCount: number;
  /** Milliseconds from one heartbeat of a node to the next. */
  readonly heartbeatMs: number;
  /** Duration of the nodes' commands in milliseconds (default 0). */
  readonly commandMs?: number;
  /** Whether each node listens for the server's heartbeats, on a socket of its own. */
  readonly listens: boolean;
  readonly profileFolder?: string | undefined;
  /** Whether the server is in the grace period of a key rotation (default: no). */
  readonly rotated?: boolean;
}

/** Seconds of CPU of each program, and seconds of wall time. */
export interface Usage {
  readonly server: number;
  readonly postgres: number;
  readonly chefServer: number;
  /** The simulated nodes. */
  readonly load: number;
  readonly wall: number;
}

/** A server with all nodes connected and available, and a user who starts jobs. Close it at the end. */
export class LoadEnvironment {
  private constructor(
    readonly installation: Installation,
    readonly simulatedNodes: SimulatedNodes,
    readonly client: PushJobsClient,
    readonly http: SignedHttp,
    readonly orgFeed: OrgFeedWatcher,
    readonly nodes: readonly string[],
    /** Cost of fetching the configs of all nodes. */
    readonly fetching: Usage,
    private readonly plainHttp: HttpClient,
  ) {}

  static async open(options: EnvironmentOptions): Promise<LoadEnvironment> {
    const nodes = Array.from({ length: options.nodeCount }, (_, index) => `node${index}`);
    const installation = await Installation.start({
      nodes,
      settings: { heartbeat_interval: options.heartbeatMs },
      profileFolder: options.profileFolder,
      rotated: options.rotated ?? false,
    });
    const fleet = new SimulatedNodes({
      nodes,
      serverUrl: installation.url,
      org: ORG,
      clientKey: installation.chef.clientKey,
      listens: options.listens,
      heartbeatMs: options.heartbeatMs,
      commandMs: options.commandMs ?? 0,
    });
    const key = createPrivateKey(installation.chef.userKey);
    const serverUrl = `${installation.url}/organizations/${ORG}`;
    const plainHttp = new HttpClient({ connections: 1000 });
    const http = new SignedHttp(plainHttp, { userId: USER, key }, systemClock);
    const fetching = await usageOf(installation, fleet, () => fleet.fetchConfigs());
    const environment = new LoadEnvironment(
      installation,
      fleet,
      new PushJobsClient({ serverUrl, user: USER, key }),
      http,
      new OrgFeedWatcher(http, `${serverUrl}/pushy/job_status_feed`),
      nodes,
      fetching,
      plainHttp,
    );
    await fleet.connect();
    await environment.allAvailable();
    await environment.orgFeed.ready();
    return environment;
  }

  /** Waits until every node is available. */
  async allAvailable(): Promise<void> {
    await eventually(
      async () => {
        const states = await this.client.listNodes();
        if (!states.ok) throw states.error;
        const available = states.value.filter(({ availability }) => availability === 'available').length;
        if (available < this.nodes.length) throw new Error(`${available} nodes are available`);
        return true;
      },
      { withinMs: 120_000, everyMs: 250 },
    );
  }

  /** Runs `act` and returns its cost. */
  measure(act: () => Promise<unknown>): Promise<Usage> {
    return usageOf(this.installation, this.simulatedNodes, act);
  }

  /** Starts a job on these nodes and returns its id. */
  async startJob(nodes: readonly string[] = this.nodes): Promise<string> {
    const started = await this.client.startJob({ command: 'chef-client', nodes: [...nodes] });
    if (!started.ok) throw started.error;
    return started.value.id;
  }

  /** Runs a job on these nodes, from its POST to its end in the organization's feed. Throws if it is not complete. */
  async runJob(nodes: readonly string[] = this.nodes): Promise<string> {
    const id = await this.startJob(nodes);
    const status = await this.orgFeed.waitForEndOf(id);
    if (status !== 'complete') throw new Error(`the job ended as ${status}`);
    return id;
  }

  async close(): Promise<void> {
    this.orgFeed.close();
    await this.client.close();
    await this.plainHttp.close();
    await this.simulatedNodes.stop();
    await this.installation.stop();
  }
}

const usageOf = async (
  installation: Installation,
  fleet: SimulatedNodes,
  act: () => Promise<unknown>,
): Promise<Usage> => {
  const before = installation.cpu();
  const loadBefore = fleet.cpu();
  const start = performance.now();
  await act();
  const wall = (performance.now() - start) / 1000;
  const after = installation.cpu();
  return {
    server: after.server - before.server,
    postgres: after.postgres - before.postgres,
    chefServer: after.chefServer - before.chefServer,
    load: fleet.cpu() - loadBefore,
    wall,
  };
};
