import { resolve } from 'node:path';
import type { ProxySettings } from '../../shared/platform/http/proxy-settings.js';

/** The connection settings of one source: a file or the command line. Each setting may be missing. */
export interface ConnectionSettings {
  /** Name of the source for error messages. */
  readonly source: string;
  readonly serverUrl?: string | undefined;
  readonly user?: string | undefined;
  /** Absolute path of the key file, or the key itself in PEM form. */
  readonly clientKey?: string | undefined;
  readonly verifyTls?: boolean | undefined;
  /** Absolute path of a folder with additional trusted certificates. */
  readonly trustedCertsFolder?: string | undefined;
  /** Absolute path of a file with additional trusted certificates. */
  readonly caFile?: string | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** Folder of the file; its subfolder `trusted_certs` and its key files are used too. */
  readonly folder?: string | undefined;
}

const PEM = '-----BEGIN';

/** Whether a `client_key` is the key itself, not a path. */
export const isPem = (clientKey: string): boolean => clientKey.trimStart().startsWith(PEM);

/**
 * Returns the absolute path of a file that a setting or an option names. A relative path starts at `folder`. A leading
 * `~` is the home folder, as for knife: no shell has expanded it in a settings file.
 */
export const resolvePath = (path: string, folder: string, home: string): string =>
  resolve(
    folder,
    path.replace(/^~(?=\/|$)/, () => home),
  );

/**
 * Parses `ssl_verify_mode`: `:verify_none` or `:verify_peer`, with or without the colon. Returns undefined for any
 * other text.
 */
export const parseVerifyMode = (mode: string): boolean | undefined => {
  switch (mode.replace(/^:/, '')) {
    case 'verify_none':
      return false;
    case 'verify_peer':
      return true;
    default:
      return undefined;
  }
};
