import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AUDIT, type Audit } from '../auth/audit.port.js';
import type { Requestor } from '../auth/auth.port.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { SERVER_KEYS, type ServerKeys, SESSIONS, type Sessions } from '../keys/keys.port.js';
import { CAPABILITY, type ConfigDocument } from '../../shared/protocol/config-document.js';
import { encryptSessionKey, SESSION_KEY_BYTES } from '../../shared/protocol/session-key.js';

/** Tells nodes how to reach the server and hands them their session keys (wire protocol, section 2). */
@Injectable()
export class NodeConfigService {
  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(SERVER_KEYS) private readonly keys: ServerKeys,
    @Inject(SESSIONS) private readonly sessions: Sessions,
    @Inject(AUDIT) private readonly audit: Audit,
  ) {}

  /** The config of a node; from now on its Curve key (Z85) is accepted and its messages can be verified. */
  async configFor(node: string, curveKey: string, requestor: Requestor): Promise<ConfigDocument> {
    const { config, keys } = this;
    const host = config.server_name_advertised;
    const sessionKey = await this.sessionKeyFor(node, curveKey, requestor);
    return {
      type: 'config',
      host,
      push_jobs: {
        heartbeat: {
          out_addr: `tcp://${host}:${config.server_heartbeat_port}`,
          command_addr: `tcp://${host}:${config.command_port}`,
          interval: config.heartbeat_interval / 1000,
          offline_threshold: 3,
          online_threshold: 2,
        },
      },
      node,
      organization: requestor.orgName,
      public_key: keys.rsaPublicKeyPem,
      curve_public_key: keys.curve.publicKey,
      encoded_session_key: { method: 'hmac_sha256', key: encryptSessionKey(requestor.key, sessionKey) },
      lifetime: config.config_lifetime,
      max_message_skew: config.max_time_skew,
      max_body_size: config.max_body_size,
      incarnation_id: keys.incarnationId,
      capabilities: [CAPABILITY.ping, CAPABILITY.liveOutput],
    };
  }

  /**
   * A user may look at a node's config, but must not become that node by it: the session key in it is a fresh one
   * that nothing is signed with. Where node names are not checked, everybody may speak for every node.
   */
  private async sessionKeyFor(node: string, curveKey: string, requestor: Requestor): Promise<Uint8Array> {
    const { orgId, orgName, key, type } = requestor;
    if (type === 'user' && this.config.validate_client_node_name) return randomBytes(SESSION_KEY_BYTES);
    const before = this.sessions.find(orgName, node)?.key;
    const { key: sessionKey } = await this.sessions.admit({ orgId, orgName, node }, curveKey, key);
    if (sessionKey !== before) {
      this.audit.record('node_key', requestor, before === undefined ? 'made' : 'replaced', { nodes: [node] });
    }
    return sessionKey;
  }
}
