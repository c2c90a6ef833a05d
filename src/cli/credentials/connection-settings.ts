import type { ProxySettings } from '../../shared/platform/http/proxy-settings.js';

/** What one source (a file, the flags) says of how to reach the Chef Server; each setting may be missing. */
export interface ConnectionSettings {
  /** The source in words, for error messages. */
  readonly source: string;
  readonly serverUrl?: string | undefined;
  readonly user?: string | undefined;
  /** The path of the key file, absolute, or the key itself in PEM form. */
  readonly clientKey?: string | undefined;
  readonly verifyTls?: boolean | undefined;
  /** A folder of certificates that are trusted too, absolute; where it is named it must exist. */
  readonly trustedCertsFolder?: string | undefined;
  /** A file of certificates that are trusted too, absolute. */
  readonly caFile?: string | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** The folder that the source lies in; `trusted_certs` in it is looked at. */
  readonly folder?: string | undefined;
}

const PEM = '-----BEGIN';

/** Whether a `client_key` is the key itself and not a path. */
export const isPem = (clientKey: string): boolean => clientKey.trimStart().startsWith(PEM);

/** `ssl_verify_mode` as Chef's files have it: `:verify_none` or `:verify_peer`, with or without the colon. */
export const readVerifyMode = (mode: string): boolean | undefined => {
  switch (mode.replace(/^:/, '')) {
    case 'verify_none':
      return false;
    case 'verify_peer':
      return true;
    default:
      return undefined;
  }
};
