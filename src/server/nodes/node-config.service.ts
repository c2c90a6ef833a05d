import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type Requestor } from '../auth/auth.port.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { ServerKeys, Sessions } from '../keys/keys.port.js';
import { CAPABILITY, type ConfigDocument } from '../../shared/protocol/config-document.js';
import { encryptSessionKey, SESSION_KEY_BYTES } from '../../shared/protocol/session-key.js';

/** Creates the config documents of nodes. See docs/spec/wire-protocol.md, "Config document". */
@Injectable()
export class NodeConfigService {
  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    private readonly keys: ServerKeys,
    private readonly sessions: Sessions,
    private readonly audit: AuditLog,
  ) {}

  /** Admits the node with its Curve key (Z85), and returns its config document. */
  async createConfig(node: string, curveKey: string, requestor: Requestor): Promise<ConfigDocument> {
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
      capabilities: [CAPABILITY.ping, CAPABILITY.liveOutput, CAPABILITY.resultAck],
    };
  }

  /**
   * A user may read a node's config but must not be able to act as the node, so the user gets a random key that nothing
   * is signed with. Without `validate_client_node_name` every client and user may act as any node.
   */
  private async sessionKeyFor(node: string, curveKey: string, requestor: Requestor): Promise<Uint8Array> {
    const { orgId, orgName, key, type } = requestor;
    if (type === 'user' && this.config.validate_client_node_name) return randomBytes(SESSION_KEY_BYTES);
    const previousKey = this.sessions.find(orgName, node)?.key;
    const { key: sessionKey } = await this.sessions.admit({ orgId, orgName, node }, curveKey, key);
    if (sessionKey !== previousKey) {
      this.audit.record('node_key', requestor, previousKey === undefined ? 'made' : 'replaced', {
        nodes: [node],
      });
    }
    return sessionKey;
  }
}
