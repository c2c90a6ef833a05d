import { join, resolve } from 'node:path';

/** The name of the package, of its folders and of its settings file. */
export const PACKAGE = 'opscode-push-jobs-server';

/** The name of the service. */
export const SERVICE = 'opscode-pushy-server';

/** Absolute paths of all files, below the root. See docs/spec/operations.md, "Names and places". */
export interface Paths {
  readonly root: string;
  /** Returns an absolute path of the settings below the root. */
  readonly under: (path: string) => string;
  readonly settingsFolder: string;
  readonly settings: string;
  readonly running: string;
  /** Our own secrets file, used without a Chef Server. */
  readonly ownSecrets: string;
  /** Locked by the run that changes this machine; names its process. */
  readonly lock: string;
  /** The three files in which old installations kept their secrets. */
  readonly oldSecrets: string;
  readonly oldPrivateKey: string;
  readonly oldPublicKey: string;
  readonly chefRunning: string;
  readonly chefSecrets: string;
  readonly pivotalKey: string;
  /** Chef Server's own folder, with its runit in it. */
  readonly chefServer: string;
}

/** Defaults of the settings for data and logs. */
export const DEFAULT_DATA_FOLDER = `/var/opt/${PACKAGE}`;
export const DEFAULT_LOG_FOLDER = `/var/log/${PACKAGE}`;

/** Returns all paths below a root; `/` is the machine itself. */
export const pathsBelow = (root: string): Paths => {
  const absolute = resolve(root);
  const under = (path: string): string => join(absolute, path);
  const settingsFolder = under(`/etc/${PACKAGE}`);
  return {
    root: absolute,
    under,
    settingsFolder,
    settings: join(settingsFolder, `${PACKAGE}.rb`),
    running: join(settingsFolder, `${PACKAGE}-running.json`),
    ownSecrets: join(settingsFolder, 'private-secrets.json'),
    lock: under(`/run/${PACKAGE}-ctl.lock`),
    oldSecrets: join(settingsFolder, `${PACKAGE}-secrets.json`),
    oldPrivateKey: join(settingsFolder, 'pushy_priv.pem'),
    oldPublicKey: join(settingsFolder, 'pushy_pub.pem'),
    chefRunning: under('/etc/opscode/chef-server-running.json'),
    chefSecrets: under('/etc/opscode/private-chef-secrets.json'),
    pivotalKey: under('/etc/opscode/pivotal.pem'),
    chefServer: under('/opt/opscode'),
  };
};
