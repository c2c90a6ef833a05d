import { createPrivateKey } from 'node:crypto';
import { PushJobsClient } from '../../src/shared/api-client/push-jobs-client.js';
import { systemClock } from '../../src/shared/lib/clock.js';
import { HttpClient } from '../../src/shared/platform/http/http-client.js';
import { SignedHttp } from '../../src/shared/platform/http/signed-http.js';
import { eventually } from '../support/eventually.js';
import { Fleet } from './fleet.js';
import { Installation, ORG, USER } from './installation.js';
import { OrgWatch } from './org-watch.js';

/** What a scenario plays on. */
export interface StageOptions {
  readonly nodeCount: number;
  /** Milliseconds from one heartbeat of a node to the next. */
  readonly heartbeatMs: number;
  /** How long the nodes' commands run, in milliseconds (default 0). */
  readonly commandMs?: number;
  /** Whether each node listens for server heartbeats on a socket of its own. */
  readonly listens: boolean;
  readonly profileFolder?: string | undefined;
  /** Whether previous keys of the server count, too (default: no). */
  readonly rotated?: boolean;
}

/** Seconds of CPU that each of the programs used, and of wall time. */
export interface Usage {
  readonly server: number;
  readonly postgres: number;
  readonly chefServer: number;
  /** The simulated nodes. */
  readonly load: number;
  readonly wall: number;
}

/** A server with all its nodes connected and available, and somebody who starts jobs on them. Close it at the end. */
export class Stage {
  private constructor(
    readonly installation: Installation,
    readonly fleet: Fleet,
    readonly client: PushJobsClient,
    readonly http: SignedHttp,
    readonly orgWatch: OrgWatch,
    readonly nodes: readonly string[],
    /** What fetching the configs of all nodes took. */
    readonly fetching: Usage,
    private readonly plainHttp: HttpClient,
  ) {}

  static async open(options: StageOptions): Promise<Stage> {
    const nodes = Array.from({ length: options.nodeCount }, (_, index) => `node${index}`);
    const installation = await Installation.start({
      nodes,
      settings: { heartbeat_interval: options.heartbeatMs },
      profileFolder: options.profileFolder,
      rotated: options.rotated ?? false,
    });
    const fleet = new Fleet({
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
    const stage = new Stage(
      installation,
      fleet,
      new PushJobsClient({ serverUrl, user: USER, key }),
      http,
      new OrgWatch(http, `${serverUrl}/pushy/job_status_feed`),
      nodes,
      fetching,
      plainHttp,
    );
    await fleet.connect();
    await stage.allAvailable();
    await stage.orgWatch.ready();
    return stage;
  }

  /** Waits until every node can take a job. */
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

  /** Does something and hands back what it took. */
  measure(act: () => Promise<unknown>): Promise<Usage> {
    return usageOf(this.installation, this.fleet, act);
  }

  /** Starts a job on these nodes and hands back its id. */
  async startJob(nodes: readonly string[] = this.nodes): Promise<string> {
    const started = await this.client.startJob({ command: 'chef-client', nodes: [...nodes] });
    if (!started.ok) throw started.error;
    return started.value.id;
  }

  /** Runs a job on these nodes from POST to its end, as the feed of the organization tells it. */
  async runJob(nodes: readonly string[] = this.nodes): Promise<string> {
    const id = await this.startJob(nodes);
    const status = await this.orgWatch.endOf(id);
    if (status !== 'complete') throw new Error(`the job ended as ${status}`);
    return id;
  }

  async close(): Promise<void> {
    this.orgWatch.close();
    await this.client.close();
    await this.plainHttp.close();
    await this.fleet.stop();
    await this.installation.stop();
  }
}

const usageOf = async (
  installation: Installation,
  fleet: Fleet,
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
