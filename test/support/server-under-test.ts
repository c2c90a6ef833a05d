import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { ServerConfig } from '../../src/server/config/server-config.js';
import type { ServerSecrets } from '../../src/server/config/server-secrets.js';
import { PushJobsClient } from '../../src/shared/api-client/push-jobs-client.js';
import { systemClock } from '../../src/shared/lib/clock.js';
import { createLogger } from '../../src/shared/platform/logger.js';
import { HttpClient } from '../../src/shared/platform/http/http-client.js';
import type { HttpResponse } from '../../src/shared/platform/http/http-exchange.js';
import { SignedHttp } from '../../src/shared/platform/http/signed-http.js';
import type { ConfigDocument } from '../../src/shared/protocol/config-document.js';
import { type CurveKeyPair, generateCurveKeyPair } from '../../src/shared/protocol/curve-key.js';
import type { JobRequest } from '../../src/shared/protocol/job-request.js';
import type { Job, NodeState } from '../../src/shared/protocol/rest-schemas.js';
import { decryptSessionKey } from '../../src/shared/protocol/session-key.js';
import { type RunningServer, startServer } from '../../src/server/start-server.js';
import type { DevChefServer } from '../dev-chef-server/dev-chef-server.js';
import type { TestDatabase } from './database.js';
import { eventually, type EventuallyOptions } from './eventually.js';
import { rotateSecrets } from './rotate-secrets.js';
import { createSurroundings, ORG, type Surroundings } from './server-surroundings.js';
import { SimulatedNode } from './simulated-node.js';

export { ORG };

/** Credentials of a node, so that a test can connect again as the same node or as the same client process. */
export interface NodeIdentity {
  readonly name: string;
  readonly key: string;
  readonly curve: CurveKeyPair;
}

/** Starts the server in another way than in this process. */
export type ServerLauncher = (config: ServerConfig, secrets: ServerSecrets) => Promise<RunningServer>;

/** A response whose body is parsed as JSON. */
export interface JsonResponse<T> {
  readonly status: number;
  readonly body: T;
  readonly response: HttpResponse;
}

/**
 * A whole server with its own PostgreSQL database and development Chef Server, one organization and one administrator,
 * `alice`. It runs in this process unless it has a launcher. Tests get one from `useServer`.
 */
export class ServerUnderTest {
  /** Log lines of a server in this process, parsed; level `info` and above. */
  readonly log: Record<string, unknown>[] = [];
  readonly http = new HttpClient();
  private surroundings: Surroundings | undefined;
  private running: RunningServer | undefined;
  private readonly nodes: SimulatedNode[] = [];
  private readonly apiClients: PushJobsClient[] = [];

  /** `settings` override those that all tests have. */
  constructor(
    private readonly settings: Partial<ServerConfig> = {},
    private readonly launch?: ServerLauncher,
  ) {}

  /** Creates and starts a server; the caller closes it. */
  static async start(settings?: Partial<ServerConfig>, launch?: ServerLauncher): Promise<ServerUnderTest> {
    const server = new ServerUnderTest(settings, launch);
    await server.open();
    return server;
  }

  /** Sets up Chef Server and database, and starts the server. */
  async open(): Promise<void> {
    this.surroundings = await createSurroundings(this.settings);
    await this.startServer();
  }

  /** Closes nodes, server, Chef Server and database. */
  async close(): Promise<void> {
    for (const node of this.nodes) node.close();
    for (const client of this.apiClients) await client.close();
    await this.stopServer();
    await this.http.close();
    await this.chef.stop();
    await this.database.drop();
  }

  get chef(): DevChefServer {
    return this.opened.chef;
  }

  get database(): TestDatabase {
    return this.opened.database;
  }

  get config(): ServerConfig {
    return this.opened.config;
  }

  get secrets(): ServerSecrets {
    return this.opened.secrets;
  }

  get orgId(): string {
    return this.opened.orgId;
  }

  /** Private key of `alice`. */
  get userKey(): KeyObject {
    return this.opened.userKey;
  }

  /** Private key of `alice`, PEM. */
  get userPem(): string {
    return this.userKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  private get opened(): Surroundings {
    if (this.surroundings === undefined) throw new Error('the server under test is not open yet');
    return this.surroundings;
  }

  /** Starts the server again after `stopServer`. */
  async startServer(): Promise<void> {
    if (this.launch !== undefined) {
      this.running = await this.launch(this.config, this.secrets);
      return;
    }
    const write = (line: string): void => void this.log.push(JSON.parse(line) as Record<string, unknown>);
    const logger = createLogger({ level: 'info', destination: { write } });
    this.running = await startServer(this.config, this.secrets, logger);
  }

  /** Stops the server only. */
  async stopServer(): Promise<void> {
    await this.running?.stop();
    this.running = undefined;
  }

  /** Restarts the server, with these settings changed. */
  async restart(changes: Partial<ServerConfig> = {}): Promise<void> {
    await this.stopServer();
    Object.assign(this.config, changes);
    await this.startServer();
  }

  /** Restarts the server with new keys; the previous keys stay valid for `graceMs` milliseconds from now. */
  async rotateKeys(graceMs: number): Promise<void> {
    this.opened.secrets = await rotateSecrets(this.secrets, graceMs);
    await this.restart();
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.config.api_port}${path}`;
  }

  /** Sends requests that a user or client signs (default: alice). */
  as(userId = 'alice', key = this.userKey): SignedHttp {
    return new SignedHttp(this.http, { userId, key }, systemClock);
  }

  async get<T>(path: string, headers: Record<string, string> = {}): Promise<JsonResponse<T>> {
    const result = await this.as().send({
      method: 'GET',
      url: this.url(`/organizations/${ORG}/pushy/${path}`),
      headers,
    });
    if (!result.ok) throw new Error(result.error.reason);
    return toJsonResponse(result.value);
  }

  async post<T>(path: string, body: unknown): Promise<JsonResponse<T>> {
    const result = await this.as().send({
      method: 'POST',
      url: this.url(`/organizations/${ORG}/pushy/${path}`),
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    });
    if (!result.ok) throw new Error(result.error.reason);
    return toJsonResponse(result.value);
  }

  /** A client of the REST API with the key of `alice`; closed with the server. */
  createApiClient(): PushJobsClient {
    const serverUrl = this.url(`/organizations/${ORG}`);
    const client = new PushJobsClient({ serverUrl, user: 'alice', key: this.userKey });
    this.apiClients.push(client);
    return client;
  }

  /** Requests captured output of a node. */
  getOutput(id: string, node: string, stream: 'stdout' | 'stderr'): ReturnType<SignedHttp['send']> {
    return this.as().send({
      method: 'GET',
      url: this.url(`/organizations/${ORG}/pushy/jobs/${id}/output/${node}/${stream}`),
      headers: { Accept: 'application/octet-stream' },
    });
  }

  /** Fetches all metrics: values by name and labels, for example `push_jobs_nodes{state="offline"}`. */
  async metrics(): Promise<Map<string, number>> {
    const result = await this.http.send({ method: 'GET', url: this.url('/pushy/metrics') });
    if (!result.ok) throw new Error(result.error.reason);
    const samples = result.value.body.toString().matchAll(/^(\w+(?:\{[^}]*\})?) ([\d.e+-]+)$/gm);
    return new Map(Array.from(samples, ([, name, value]) => [name!, Number(value)]));
  }

  /** Starts a job and returns its id. */
  async startJob(request: Partial<JobRequest> & { nodes: readonly string[] }): Promise<string> {
    const { status, body } = await this.post<{ uri: string }>('jobs', { command: 'chef-client', ...request });
    if (status !== 201) throw new Error(`the job was rejected: ${status} ${JSON.stringify(body)}`);
    return body.uri.slice(-32);
  }

  async job(id: string): Promise<Job> {
    return (await this.get<Job>(`jobs/${id}`)).body;
  }

  /** The status of a job in the database. */
  async storedJobStatus(id: string): Promise<unknown> {
    const [row] = await this.database.sql(
      'SELECT s.description FROM jobs j JOIN job_status s ON s.id = j.status WHERE j.id = $1',
      [id],
    );
    return row?.description;
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

  /** Waits until the node has this availability. */
  async nodeBecomes(
    name: string,
    availability: NodeState['availability'],
    options?: EventuallyOptions,
  ): Promise<void> {
    await eventually(async () => (await this.nodeState(name)).availability === availability, options);
  }

  /** Creates a client on the Chef Server; all clients share one key because creating a key is slow. */
  async createIdentity(name: string): Promise<NodeIdentity> {
    const key = await this.chef.createClient(ORG, name, { privateKey: this.opened.nodeKey });
    return { name, key, curve: await generateCurveKeyPair() };
  }

  /** Fetches the config of a node, as its client does. */
  async fetchConfig({ name, key, curve }: NodeIdentity): Promise<ConfigDocument> {
    const query = `ccpk=${encodeURIComponent(curve.publicKey)}&version=2.0`;
    const result = await this.as(name, createPrivateKey(key)).send({
      method: 'GET',
      url: this.url(`/organizations/${ORG}/pushy/config/${name}?${query}`),
    });
    if (!result.ok || result.value.status !== 200) throw new Error(`no config: ${JSON.stringify(result)}`);
    return JSON.parse(result.value.body.toString()) as ConfigDocument;
  }

  /**
   * Connects a simulated node with its config, optionally through another command port. The node has sent nothing yet;
   * it is closed with the server.
   */
  async connect(identity: NodeIdentity, commandPort = this.config.command_port): Promise<SimulatedNode> {
    const document = await this.fetchConfig(identity);
    document.push_jobs.heartbeat.command_addr = `tcp://127.0.0.1:${commandPort}`;
    const sessionKey = decryptSessionKey(createPrivateKey(identity.key), document.encoded_session_key.key);
    const { name: node, curve } = identity;
    const simulated = SimulatedNode.fromConfig(document, { org: ORG, node, sessionKey: sessionKey!, curve });
    this.nodes.push(simulated);
    return simulated;
  }

  /** Connects a simulated node that is available: it has answered the first `abort` and sends heartbeats. */
  async availableNode(name: string, commandPort?: number): Promise<SimulatedNode> {
    const node = await this.connect(await this.createIdentity(name), commandPort);
    await node.startHeartbeats(this.config.heartbeat_interval / 2);
    await node.expectCommand('abort');
    await node.sendJobMessage('aborted', null);
    await this.nodeBecomes(name, 'available');
    return node;
  }
}

const toJsonResponse = <T>(response: HttpResponse): JsonResponse<T> => ({
  status: response.status,
  body: JSON.parse(response.body.toString()) as T,
  response,
});
