import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { err, ok, type Result } from '../../../src/shared/lib/result.js';
import type { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import type { ResponseHeaders } from '../../../src/shared/platform/http/http-exchange.js';
import { SignedHttp } from '../../../src/shared/platform/http/signed-http.js';
import type { Installation } from '../installation.js';
import { findSuperuserKey } from '../secrets/server-secrets.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';

/** Why the superuser's key cannot be used, and what to do about it. */
export interface SuperuserKeyProblem {
  readonly text: string;
  readonly remedy: string;
}

/** Options of an HttpClient: the CA certificates that are trusted besides the well-known ones. */
export const tlsOptions = ({ serverConfig }: ResolvedSettings): { readonly ca?: string } => {
  const file = serverConfig.chef_server.ssl_ca_file;
  return file === undefined ? {} : { ca: readFileSync(file, 'utf8') };
};

/** Returns the Chef Server's URL without a trailing slash. */
export const chefServerUrl = ({ serverConfig }: ResolvedSettings): string =>
  serverConfig.chef_server.root_url.replace(/\/$/, '');

/** Signs requests to the Chef Server as its superuser. */
export const superuserHttp = (
  http: HttpClient,
  installation: Installation,
): Result<SignedHttp, SuperuserKeyProblem> => {
  const key = readKey(installation);
  if (!key.ok) return key;
  const { superuser } = installation.settings.serverConfig.chef_server;
  const signer = { userId: superuser, key: key.value };
  return ok(new SignedHttp(http, signer, installation.context.environment.clock));
};

const readKey = ({ context, secrets }: Installation): Result<KeyObject, SuperuserKeyProblem> => {
  const where = `${context.paths.pivotalKey}, or in ${secrets.file} (chef-server, superuser_key)`;
  const pem = findSuperuserKey(context.paths, secrets);
  if (pem === undefined) {
    return err({ text: 'the key of the superuser is missing', remedy: `put it into ${where}` });
  }
  try {
    return ok(createPrivateKey(pem));
  } catch {
    const text = 'the key of the superuser is not a private key in PEM'; // OpenSSL's message might quote the key
    return err({ text, remedy: `put the right one into ${where}` });
  }
};

/** Whether a response comes from Chef Server 12.14 or newer: only these name their API versions in a header. */
export const isSupportedVersion = (headers: ResponseHeaders): boolean => {
  const versions = /"max_version"\s*:\s*"?(\d+)/.exec(String(headers['x-ops-server-api-version']));
  return Number(versions?.[1] ?? 0) >= 1;
};
