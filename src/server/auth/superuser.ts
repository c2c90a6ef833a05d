import type { KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { SERVER_SECRETS, type ServerSecrets } from '../config/server-secrets.js';
import { parseSuperuserKey } from '../config/superuser-key.js';
import type { Signer } from '../../shared/protocol/chef-signature/sign-request.js';

/**
 * Chef Server's superuser, in whose name the server asks for groups and organizations. A reload may change name and key.
 * The constructor throws an AppError if the key is invalid, so that the server does not start.
 */
@Injectable()
export class Superuser implements Signer {
  private pem: string;
  private parsedKey: KeyObject;

  constructor(
    @Inject(SERVER_CONFIG) private readonly config: ServerConfig,
    @Inject(SERVER_SECRETS) private readonly secrets: ServerSecrets,
  ) {
    this.pem = secrets.superuser_key;
    this.parsedKey = parseSuperuserKey(this.pem);
  }

  get userId(): string {
    return this.config.chef_server.superuser;
  }

  get key(): KeyObject {
    const { superuser_key } = this.secrets;
    if (this.pem !== superuser_key) {
      this.parsedKey = parseSuperuserKey(superuser_key);
      this.pem = superuser_key;
    }
    return this.parsedKey;
  }
}
