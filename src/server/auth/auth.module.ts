import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { CLOCK, LOGGER, METRICS } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { SERVER_SECRETS, type ServerSecrets } from '../config/server-secrets.js';
import { readSuperuserKey } from '../config/superuser-key.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import type { Clock } from '../../shared/lib/clock.js';
import { HttpClient } from '../../shared/platform/http/http-client.js';
import { SignedHttp } from '../../shared/platform/http/signed-http.js';
import type { Signer } from '../../shared/protocol/chef-signature/sign-request.js';
import { AUDIT } from './audit.port.js';
import { AuditLog } from './audit-log.js';
import { Authenticator } from './authenticator.js';
import { CachedChefDirectory } from './cached-chef-directory.js';
import { CHEF_DIRECTORY } from './chef-directory.port.js';
import { CHEF_SERVER_HEALTH } from './chef-server-health.port.js';
import { ChefServerWatch } from './chef-server-watch.js';
import { HttpChefDirectory } from './http-chef-directory.js';
import { RefusalDesk } from './rejection-recorder.js';
import { Rights } from './rights.js';
import { SignedHeadersHook } from './signed-headers.hook.js';

/** The Chef Server's superuser as the settings name it now: name and key may be replaced while the server runs. */
class Superuser implements Signer {
  private pem = '';
  private read: KeyObject | undefined;

  constructor(
    private readonly config: ServerConfig,
    private readonly secrets: ServerSecrets,
  ) {}

  get userId(): string {
    return this.config.chef_server.superuser;
  }

  get key(): KeyObject {
    const { superuser_key } = this.secrets;
    if (this.read === undefined || this.pem !== superuser_key) {
      this.read = readSuperuserKey(superuser_key);
      this.pem = superuser_key;
    }
    return this.read;
  }
}

const readCertificates = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new AppError(
      'chef_ca_unreadable',
      `cannot read chef_server.ssl_ca_file ${file}: ${messageOf(thrown)}`,
    );
  }
};

const openDirectory = (
  config: ServerConfig,
  secrets: ServerSecrets,
  clock: Clock,
  logger: Logger,
  watch: ChefServerWatch,
): HttpChefDirectory => {
  const { chef_server: chef } = config;
  const http = new HttpClient({
    connectTimeoutMs: chef.timeout * 1000, // stays so when the setting changes: each look-up has its own
    ...(chef.ssl_ca_file === undefined ? {} : { ca: readCertificates(chef.ssl_ca_file) }),
  });
  const superuser = new Superuser(config, secrets);
  readSuperuserKey(secrets.superuser_key); // a server whose key is none does not start
  const access = {
    erchefUrl: chef.erchef_url,
    rootUrl: chef.root_url,
    chefVersion: chef.api_version,
    timeoutMs: () => config.chef_server.timeout * 1000,
  };
  return new HttpChefDirectory(
    http,
    new SignedHttp(http, superuser, clock),
    access,
    logger.child({ scope: 'auth' }),
    watch,
  );
};

/** Knows who may do what. A module whose routes are protected imports this one. */
@Module({
  providers: [
    {
      provide: CHEF_DIRECTORY,
      inject: [SERVER_CONFIG, HttpChefDirectory],
      useFactory: (config: ServerConfig, direct: HttpChefDirectory) =>
        new CachedChefDirectory(direct, () => config.chef_server.cache_seconds * 1000),
    },
    {
      provide: HttpChefDirectory,
      inject: [SERVER_CONFIG, SERVER_SECRETS, CLOCK, LOGGER, CHEF_SERVER_HEALTH],
      useFactory: openDirectory,
    },
    {
      provide: CHEF_SERVER_HEALTH,
      inject: [METRICS],
      useFactory: (registry: Registry) => new ChefServerWatch(registry),
    },
    {
      provide: AUDIT,
      inject: [LOGGER],
      useFactory: (logger: Logger) => new AuditLog(logger.child({ scope: 'audit' })),
    },
    Authenticator,
    Rights,
    RefusalDesk,
    SignedHeadersHook,
  ],
  exports: [Authenticator, Rights, RefusalDesk, AUDIT, CHEF_DIRECTORY, CHEF_SERVER_HEALTH],
})
export class AuthModule {}
