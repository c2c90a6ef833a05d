import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';
import { setLogLevel } from '../../shared/platform/logger.js';
import type { LiveValue } from './live-value.js';
import { loadServerConfig, loadServerSecrets } from './load-config.js';
import { differenceOf, settingOf, takenOver } from './reloadable-settings.js';
import type { ServerConfig } from './server-config.js';
import type { ServerSecrets } from './server-secrets.js';
import { readSuperuserKey } from './superuser-key.js';

/** What is read again, and whom the program shows it to. */
export interface SettingsReloadOptions {
  readonly configFile: string;
  readonly config: LiveValue<ServerConfig>;
  readonly secrets: LiveValue<ServerSecrets>;
  /** The program's logger, as `createLogger` made it. */
  readonly logger: Logger;
}

/**
 * Reads settings and secrets again while the server runs. It does so in one go, so what comes next sees either the old
 * ones or the new ones.
 */
export class SettingsReload {
  constructor(private readonly options: SettingsReloadOptions) {}

  /** Takes over what can be; files that are not right change nothing. The log tells which of it. */
  reload(): void {
    const { configFile, config, logger } = this.options;
    try {
      const next = loadServerConfig(configFile);
      const nextSecrets = loadServerSecrets(config.current.secrets_file);
      readSuperuserKey(nextSecrets.superuser_key);
      this.apply(next, nextSecrets);
    } catch (thrown) {
      logger.error({ reason: messageOf(thrown) }, 'the settings are not right; nothing was changed');
    }
  }

  private apply(next: ServerConfig, nextSecrets: ServerSecrets): void {
    const { config, logger } = this.options;
    const before = config.current;
    const { atOnce, atRestart } = differenceOf(before, next);
    config.replace(takenOver(before, next));
    setLogLevel(logger, config.current.log_level);
    const { taken, left } = this.applySecrets(nextSecrets);

    const changed = Object.fromEntries(
      atOnce.map((name) => [name, { from: settingOf(before, name), to: settingOf(next, name) }]),
    );
    if (atOnce.length + taken.length === 0) logger.info('read the settings again: nothing to take over');
    else logger.info({ changed, secrets: taken }, 'read the settings again: these changes take effect now');
    if (atRestart.length + left.length > 0) {
      logger.warn(
        { settings: atRestart, secrets: left },
        'these changes take effect when the server is started again',
      );
    }
  }

  /** Of the secrets only the Chef Server's may change while the server runs: the others are what nodes know it by. */
  private applySecrets(next: ServerSecrets): { readonly taken: string[]; readonly left: string[] } {
    const { secrets } = this.options;
    const before = secrets.current;
    const names = Object.keys({ ...before, ...next }) as (keyof ServerSecrets)[];
    const different = names.filter((name) => !isDeepStrictEqual(before[name], next[name]));
    secrets.replace(Object.freeze({ ...before, superuser_key: next.superuser_key }));
    return {
      taken: different.filter((name) => name === 'superuser_key'),
      left: different.filter((name) => name !== 'superuser_key'),
    };
  }
}
