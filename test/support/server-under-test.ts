import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { systemClock } from '../../src/shared/lib/clock.js';
import { createLogger } from '../../src/shared/platform/logger.js';
import { HttpClient } from '../../src/shared/platform/http/http-client.js';
import type { HttpResponse } from '../../src/shared/platform/http/http-exchange.js';
import { SignedHttp } from '../../src/shared/platform/http/signed-http.js';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import { type CurveKeyPair, generateCurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import type { Job, JobRequest, NodeState } from '../../src/shared/protocol/rest-schemas.js';
import { decryptSessionKey } from '../../src/shared/protocol/session-key.js';
import { type RunningServer, startServer } from '../../src/server/start-server.js';
import { DevChefServer } from '../dev-chef-server/dev-chef-server.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { eventually } from './eventually.js';
import { rotateSecrets } from './rotate-secrets.js';
import { testServerConfig, testServerSecrets } from './server-settings.js';
import { SimulatedNode } from './simulated-node.js';

export const ORG = 'acme';

/** A node's credentials, so that a test can come back as the same node, or as the same client process. */
export interface NodeIdentity {
  readonly name: string;
  readonly key: string;
  readonly curve: CurveKeyPair;
}

/** Runs the server somewhere else than in this process. */
export type Launch = (config: ServerConfig, secrets: ServerSecrets) => Promise<RunningServer>;

/** An answer with its body read as JSON. */
export interface JsonAnswer<T> {
  readonly status: number;
  readonly body: T;
  readonly response: HttpResponse;
}

/**
 * The whole server in this process, on a PostgreSQL database and a development Chef Server of its own, with one
 * organization and one administrator, `alice`. Close it when the test file is over.
 */
export class ServerUnderTest {
  /** The lines that the server logged, parsed; from level `info` up. */
  readonly log: Record<string, unknown>[] = [];
  private server: RunningServer | undefined;
  private readonly nodes: SimulatedNode[] = [];

  private constructor(
    readonly chef: DevChefServer,
    readonly database: TestDatabase,
    readonly config: ServerConfig,
    public secrets: ServerSecrets,
    readonly http: HttpClient,
    readonly orgId: string,
    readonly userKey: KeyObject,
    private readonly nodeKey: string,
    private readonly launch: Launch | undefined,
  ) {}

  /** Starts one; `overrides` are settings that the test wants otherwise, `launch` runs it elsewhere. */
  static async start(overrides: Partial<ServerConfig> = {}, launch?: Launch): Promise<ServerUnderTest> {
    const [chef, database] = await Promise.all([DevChefServer.start(), createTestDatabase()]);
    const orgId = chef.createOrganization(ORG);
    const userKey = await chef.createUser('alice', { orgs: [ORG], admin: true });
    const secrets = await testServerSecrets();
    const config = await testServerConfig({
      heartbeat_interval: 200,
      rehab_timer: 100,
      database: database.config,
      chef_server: {
        erchef_url: chef.url,
        root_url: chef.url,
        superuser: 'pivotal',
        api_version: '11.1.0',
        cache_seconds: 0,
        timeout: 5,
      },
      ...overrides,
    });
    const under = new ServerUnderTest(
      chef,
      database,
      config,
      { ...secrets, sql_password: database.password, superuser_key: chef.superuserKey! },
      new HttpClient(),
      orgId,
      createPrivateKey(userKey),
      secrets.pushy_priv_key,
      launch,
    );
    await under.boot();
    return under;
  }

  /** Starts the server (again). */
  async boot(): Promise<void> {
    if (this.launch !== undefined) {
      this.server = await this.launch(this.config, this.secrets);
      return;
    }
    const write = (line: string): void => void this.log.push(JSON.parse(line) as Record<string, unknown>);
    const logger = createLogger({ level: 'info', destination: { write } });
    this.server = await startServer(this.config, this.secrets, logger);
  }

  /** Stops the server alone. */
  async halt(): Promise<void> {
    await this.server?.stop();
    this.server = undefined;
  }

  /** Stops the server and starts it with new keys; those of before count for so many milliseconds from now on. */
  async rotateKeys(graceMs: number): Promise<void> {
    this.secrets = await rotateSecrets(this.secrets, graceMs);
    await this.halt();
    await this.boot();
  }

  /** Ends all: nodes, server, Chef Server, database. */
  async close(): Promise<void> {
    for (const node of this.nodes) node.close();
    await this.halt();
    await this.http.close();
    await this.chef.stop();
    await this.database.drop();
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.config.api_port}${path}`;
  }

  /** Requests in the name of a user or client (default: alice). */
  as(userId = 'alice', key = this.userKey): SignedHttp {
    return new SignedHttp(this.http, { userId, key }, systemClock);
  }

  async get<T>(path: string, headers: Record<string, string> = {}): Promise<JsonAnswer<T>> {
    const answer = await this.as().send({
      method: 'GET',
      url: this.url(`/organizations/${ORG}/pushy/${path}`),
      headers,
    });
    if (!answer.ok) throw new Error(answer.error.reason);
    return jsonAnswer(answer.value);
  }

  async post<T>(path: string, body: unknown): Promise<JsonAnswer<T>> {
    const answer = await this.as().send({
      method: 'POST',
      url: this.url(`/organizations/${ORG}/pushy/${path}`),
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    });
    if (!answer.ok) throw new Error(answer.error.reason);
    return jsonAnswer(answer.value);
  }

  /** Starts a job and hands back its id. */
  async startJob(request: Partial<JobRequest> & { nodes: readonly string[] }): Promise<string> {
    const { status, body } = await this.post<{ uri: string }>('jobs', { command: 'chef-client', ...request });
    if (status !== 201) throw new Error(`the job was refused: ${status} ${JSON.stringify(body)}`);
    return body.uri.slice(-32);
  }

  async job(id: string): Promise<Job> {
    return (await this.get<Job>(`jobs/${id}`)).body;
  }

  /** Waits until the job has this status. */
  async jobBecomes(id: string, status: Job['status']): Promise<Job> {
    return eventually(async () => {
      const job = await this.job(id);
      if (job.status !== status) throw new Error(`the job is ${job.status}: ${JSON.stringify(job.nodes)}`);
      return job;
    });
  }

  async nodeState(name: string): Promise<NodeState> {
    return (await this.get<NodeState>(`node_states/${name}`)).body;
  }

  /** Waits until the node can take a job, or cannot. */
  async nodeBecomes(name: string, availability: NodeState['availability']): Promise<void> {
    await eventually(async () => (await this.nodeState(name)).availability === availability);
  }

  /** Makes a client on the Chef Server; all have one key, since making one takes long. */
  async identity(name: string): Promise<NodeIdentity> {
    const key = await this.chef.createClient(ORG, name, { privateKey: this.nodeKey });
    return { name, key, curve: await generateCurveKeyPair() };
  }

  /** Fetches a node's config as its client does. */
  async configOf({ name, key, curve }: NodeIdentity): Promise<ConfigDocument> {
    const query = `ccpk=${encodeURIComponent(curve.publicKey)}&version=2.0`;
    const answer = await this.as(name, createPrivateKey(key)).send({
      method: 'GET',
      url: this.url(`/organizations/${ORG}/pushy/config/${name}?${query}`),
    });
    if (!answer.ok || answer.value.status !== 200) throw new Error(`no config: ${JSON.stringify(answer)}`);
    return JSON.parse(answer.value.body.toString()) as ConfigDocument;
  }

  /**
   * A simulated node that has its config and is connected, perhaps by another command port than the server's own; it has
   * said nothing yet.
   */
  async connect(identity: NodeIdentity, commandPort = this.config.command_port): Promise<SimulatedNode> {
    const document = await this.configOf(identity);
    document.push_jobs.heartbeat.command_addr = `tcp://127.0.0.1:${commandPort}`;
    const sessionKey = decryptSessionKey(createPrivateKey(identity.key), document.encoded_session_key.key);
    const { name: node, curve } = identity;
    const simulated = SimulatedNode.fromConfig(document, { org: ORG, node, sessionKey: sessionKey!, curve });
    this.nodes.push(simulated);
    return simulated;
  }

  /** A simulated node that is available: it has answered the first `abort` and goes on beating. */
  async availableNode(name: string, commandPort?: number): Promise<SimulatedNode> {
    const node = await this.connect(await this.identity(name), commandPort);
    await node.beat(this.config.heartbeat_interval / 2);
    await node.expectCommand('abort');
    await node.sendJobMessage('aborted', null);
    await this.nodeBecomes(name, 'available');
    return node;
  }
}

const jsonAnswer = <T>(response: HttpResponse): JsonAnswer<T> => ({
  status: response.status,
  body: JSON.parse(response.body.toString()) as T,
  response,
});
