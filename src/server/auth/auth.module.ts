import { readFileSync } from 'node:fs';
import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/config.module.js';
import { SERVER_CONFIG, type ServerConfig } from '../config/server-config.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import { Clock } from '../../shared/lib/clock.js';
import { HttpClient } from '../../shared/platform/http/http-client.js';
import { SignedHttp } from '../../shared/platform/http/signed-http.js';
import { AuditLog } from './auth.port.js';
import { Authenticator } from './authenticator.js';
import { Authorizer } from './authorizer.js';
import { CachedChefDirectory } from './cached-chef-directory.js';
import { ChefDirectory, ChefServerHealth } from './chef-directory.port.js';
import { ChefServerWatch } from './chef-server-watch.js';
import { type ChefServerConnections, HttpChefDirectory } from './http-chef-directory.js';
import { PinoAuditLog } from './pino-audit-log.js';
import { RejectionRecorder } from './rejection-recorder.js';
import { SignedHeadersHook } from './signed-headers.hook.js';
import { Superuser } from './superuser.js';

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

const createHttpDirectory = (
  config: ServerConfig,
  superuser: Superuser,
  clock: Clock,
  logger: Logger,
  watch: ChefServerWatch,
): HttpChefDirectory => {
  const { chef_server: chef } = config;
  const options = {
    connectTimeoutMs: chef.timeout * 1000, // a reload does not change it, but each lookup has a timeout of its own
    ...(chef.ssl_ca_file === undefined ? {} : { ca: readCertificates(chef.ssl_ca_file) }),
  };
  const connections = (): ChefServerConnections => {
    const unsigned = new HttpClient(options);
    return { unsigned, superuser: new SignedHttp(unsigned, superuser, clock) };
  };
  const access = {
    erchefUrl: chef.erchef_url,
    rootUrl: chef.root_url,
    chefVersion: chef.api_version,
    timeoutMs: () => config.chef_server.timeout * 1000,
  };
  return new HttpChefDirectory(connections(), connections(), access, logger.child({ scope: 'auth' }), watch);
};

/** Authentication and authorization of requests; imported by modules with protected routes. */
@Module({
  providers: [
    Superuser,
    {
      provide: HttpChefDirectory,
      inject: [SERVER_CONFIG, Superuser, Clock, LOGGER, ChefServerWatch],
      useFactory: createHttpDirectory,
    },
    {
      provide: ChefDirectory,
      inject: [SERVER_CONFIG, HttpChefDirectory],
      useFactory: (config: ServerConfig, direct: HttpChefDirectory) =>
        new CachedChefDirectory(direct, () => config.chef_server.cache_seconds * 1000),
    },
    ChefServerWatch,
    { provide: ChefServerHealth, useExisting: ChefServerWatch },
    PinoAuditLog,
    { provide: AuditLog, useExisting: PinoAuditLog },
    Authenticator,
    Authorizer,
    RejectionRecorder,
    SignedHeadersHook,
  ],
  exports: [Authenticator, Authorizer, RejectionRecorder, AuditLog, ChefDirectory, ChefServerHealth],
})
export class AuthModule {}
