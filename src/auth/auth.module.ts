import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { CLOCK, LOGGER, METRICS } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { SERVER_SECRETS, type ServerSecrets } from '../config/server-secrets.js';
import { AppError, messageOf } from '../lib/app-error.js';
import type { Clock } from '../lib/clock.js';
import { HttpClient } from '../platform/http/http-client.js';
import { SignedHttp } from '../platform/http/signed-http.js';
import { AUDIT } from './audit.port.js';
import { AuditLog } from './audit-log.js';
import { Authenticator } from './authenticator.js';
import { CachedChefDirectory } from './cached-chef-directory.js';
import { CHEF_DIRECTORY } from './chef-directory.port.js';
import { CHEF_SERVER_HEALTH } from './chef-server-health.port.js';
import { ChefServerWatch } from './chef-server-watch.js';
import { HttpChefDirectory } from './http-chef-directory.js';
import { RefusalDesk } from './refusal-desk.js';
import { Rights } from './rights.js';
import { SignedHeadersHook } from './signed-headers.hook.js';

const readSuperuserKey = (pem: string): KeyObject => {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new AppError(
      'superuser_key_unreadable',
      'the secret superuser_key is not a private key in PEM form',
    );
  }
};

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
  { chef_server: chef }: ServerConfig,
  secrets: ServerSecrets,
  clock: Clock,
  logger: Logger,
  watch: ChefServerWatch,
): HttpChefDirectory => {
  const timeoutMs = chef.timeout * 1000;
  const http = new HttpClient({
    connectTimeoutMs: timeoutMs,
    ...(chef.ssl_ca_file === undefined ? {} : { ca: readCertificates(chef.ssl_ca_file) }),
  });
  const signer = { userId: chef.superuser, key: readSuperuserKey(secrets.superuser_key) };
  const access = {
    erchefUrl: chef.erchef_url,
    rootUrl: chef.root_url,
    chefVersion: chef.api_version,
    timeoutMs,
  };
  return new HttpChefDirectory(
    http,
    new SignedHttp(http, signer, clock),
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
      useFactory: ({ chef_server: { cache_seconds: seconds } }: ServerConfig, direct: HttpChefDirectory) =>
        seconds > 0 ? new CachedChefDirectory(direct, seconds * 1000) : direct,
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
