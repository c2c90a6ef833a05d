import type { KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseSignedHeaders } from '../../src/shared/protocol/chef-signature/signed-headers.js';
import { verifyRequest } from '../../src/shared/protocol/chef-signature/verify-request.js';
import { encryptSessionKey } from '../../src/shared/protocol/session-key.js';

/** How a simulated server behaves. */
export interface SimulatedPushServerOptions {
  readonly org: string;
  readonly node: string;
  /** Public key of the node: verifies its requests and encrypts the session key. */
  readonly nodeKey: KeyObject;
  /** Heartbeat interval in seconds. */
  readonly interval?: number;
  /** False for a 1.x server, which has no Curve keys (default: true). */
  readonly encrypted?: boolean;
  /** Config lifetime in seconds. */
  readonly lifetime?: number;
  /** Whether it queues all commands that the node does not take at once, instead of dropping those after the first 1000. */
  readonly queuesAllCommands?: boolean;
}

/** What the config contains of the server's current state. */
interface ServerState {
  readonly commandAddress: string;
  readonly heartbeatAddress: string;
  readonly rsaPublicKey: KeyObject;
  readonly curvePublicKey: string;
  readonly sessionKey: Uint8Array;
  readonly incarnationId: string;
  /** The server's clock, in milliseconds since 1970. */
  readonly now: number;
}

/** Serves the config of one node over HTTP; tests set how. */
export class SimulatedConfig {
  /** Curve keys of the config requests, in order. */
  readonly requests: string[] = [];
  /** Status of the responses. */
  status = 200;
  /** Target of a redirect, for example `https://HOST`. */
  redirectsTo: string | undefined;
  /** Host and ports in the config, if the node is to connect through a proxy (default: the server's own ports). */
  host = '127.0.0.1';
  commandPort: number | undefined;
  heartbeatPort: number | undefined;
  capabilities: readonly string[] | undefined;

  constructor(
    private readonly options: SimulatedPushServerOptions,
    private readonly stateOfServer: () => ServerState,
  ) {}

  /** Handles one request: verifies its signature and responds as the test says. */
  respond(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const state = this.stateOfServer();
    response.setHeader('Date', new Date(state.now).toUTCString());
    const { org, node, nodeKey } = this.options;
    const headers = parseSignedHeaders(request.headers, Date.now());
    const received = { method: request.method ?? '', path: request.url ?? '', body: new Uint8Array() };
    if (!headers.ok || headers.value.userId !== node || !verifyRequest(headers.value, received, nodeKey)) {
      response.writeHead(401).end('{"error":["the signature is wrong"]}');
    } else if (this.redirectsTo !== undefined) {
      response.writeHead(301, { location: `${this.redirectsTo}${request.url}` }).end('<html>moved</html>');
    } else if (this.status !== 200) {
      response.writeHead(this.status).end('{"error":["status set by the test"]}');
    } else if (url.pathname !== `/organizations/${org}/pushy/config/${node}`) {
      response.writeHead(404).end('{"error":["no such thing"]}');
    } else {
      this.requests.push(url.searchParams.get('ccpk') ?? '');
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(this.document(state)));
    }
  }

  private document(state: ServerState): object {
    const { org, node, nodeKey, interval = 0.2, encrypted = true, lifetime = 3600 } = this.options;
    return {
      type: 'config',
      host: '127.0.0.1',
      push_jobs: {
        heartbeat: {
          out_addr: this.address(this.heartbeatPort) ?? state.heartbeatAddress,
          command_addr: this.address(this.commandPort) ?? state.commandAddress,
          interval,
          offline_threshold: 3,
          online_threshold: 2,
        },
      },
      node,
      organization: org,
      public_key: state.rsaPublicKey.export({ type: 'spki', format: 'pem' }),
      ...(encrypted ? { curve_public_key: state.curvePublicKey } : {}),
      encoded_session_key: { method: 'hmac_sha256', key: encryptSessionKey(nodeKey, state.sessionKey) },
      lifetime,
      max_message_skew: 300,
      max_body_size: 65_536,
      incarnation_id: state.incarnationId,
      ...(this.capabilities === undefined ? {} : { capabilities: this.capabilities }),
    };
  }

  private address(port: number | undefined): string | undefined {
    return port === undefined ? undefined : `tcp://${this.host}:${port}`;
  }
}
