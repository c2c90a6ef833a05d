import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { err, ok, type Result } from '../../../src/shared/lib/result.js';
import type { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import type { ResponseHeaders } from '../../../src/shared/platform/http/http-exchange.js';
import { SignedHttp } from '../../../src/shared/platform/http/signed-http.js';
import type { Installation } from '../installation.js';
import { findSuperuserKey } from '../secrets/server-secrets.js';
import type { Product } from '../settings/resolve-settings.js';

/** Something that keeps us from asking the Chef Server, and what to do about it. */
export interface Hindrance {
  readonly text: string;
  readonly mend: string;
}

/** The certificates that are trusted besides the well-known ones, for an HttpClient. */
export const trustedBy = ({ serverConfig }: Product): { readonly ca?: string } => {
  const file = serverConfig.chef_server.ssl_ca_file;
  return file === undefined ? {} : { ca: readFileSync(file, 'utf8') };
};

/** The Chef Server's address without a slash at the end. */
export const rootOf = ({ serverConfig }: Product): string =>
  serverConfig.chef_server.root_url.replace(/\/$/, '');

/** Requests to the Chef Server in the name of its superuser; the error says why that cannot be. */
export const superuserHttp = (
  http: HttpClient,
  installation: Installation,
): Result<SignedHttp, Hindrance> => {
  const key = readKey(installation);
  if (!key.ok) return key;
  const { superuser } = installation.product.serverConfig.chef_server;
  const signer = { userId: superuser, key: key.value };
  return ok(new SignedHttp(http, signer, installation.context.environment.clock));
};

const readKey = ({ context, secrets }: Installation): Result<KeyObject, Hindrance> => {
  const where = `${context.paths.pivotalKey}, or in ${secrets.file} (chef-server, superuser_key)`;
  const pem = findSuperuserKey(context.paths, secrets);
  if (pem === undefined) {
    return err({ text: 'the key of the superuser is missing', mend: `put it into ${where}` });
  }
  try {
    return ok(createPrivateKey(pem));
  } catch {
    const text = 'the key of the superuser is not a private key in PEM'; // OpenSSL's own words might quote it
    return err({ text, mend: `put the right one into ${where}` });
  }
};

/** Whether an answer is of a Chef Server of 12.14 or newer: those say which versions of their API they speak. */
export const isNewEnough = (headers: ResponseHeaders): boolean => {
  const versions = /"max_version"\s*:\s*"?(\d+)/.exec(String(headers['x-ops-server-api-version']));
  return Number(versions?.[1] ?? 0) >= 1;
};
