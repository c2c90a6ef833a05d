import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf } from '../../shared/lib/app-error.js';
import { setLogLevel } from '../../shared/platform/logger.js';
import type { LiveValue } from './live-value.js';
import { loadServerConfig, loadServerSecrets } from './load-config.js';
import { compareSettings, settingValue, applyReloadable } from './reloadable-settings.js';
import type { ServerConfig } from './server-config.js';
import type { ServerSecrets } from './server-secrets.js';
import { parseSuperuserKey } from './superuser-key.js';

/** What a reload reads and replaces. */
export interface SettingsReloaderOptions {
  readonly configFile: string;
  readonly config: LiveValue<ServerConfig>;
  readonly secrets: LiveValue<ServerSecrets>;
  /** The program's logger, as `createLogger` returned it. */
  readonly logger: Logger;
}

/** Reloads settings and secrets while the server runs. A reload is synchronous, so no code sees half of it. */
export class SettingsReloader {
  constructor(private readonly options: SettingsReloaderOptions) {}

  /** Applies every change that needs no restart, and logs all changes. Changes nothing if a file is invalid. */
  reload(): void {
    const { configFile, config, logger } = this.options;
    try {
      const next = loadServerConfig(configFile);
      const nextSecrets = loadServerSecrets(config.current.secrets_file);
      parseSuperuserKey(nextSecrets.superuser_key);
      this.apply(next, nextSecrets);
    } catch (thrown) {
      logger.error({ reason: messageOf(thrown) }, 'the settings are invalid; nothing was changed');
    }
  }

  private apply(next: ServerConfig, nextSecrets: ServerSecrets): void {
    const { config, logger } = this.options;
    const before = config.current;
    const { atOnce, atRestart } = compareSettings(before, next);
    config.replace(applyReloadable(before, next));
    setLogLevel(logger, config.current.log_level);
    const { applied, pending } = this.applySecrets(nextSecrets);

    const changed = Object.fromEntries(
      atOnce.map((name) => [name, { from: settingValue(before, name), to: settingValue(next, name) }]),
    );
    if (atOnce.length + applied.length === 0)
      logger.info('reloaded the settings: no change takes effect now');
    else logger.info({ changed, secrets: applied }, 'reloaded the settings: these changes take effect now');
    if (atRestart.length + pending.length > 0) {
      logger.warn(
        { settings: atRestart, secrets: pending },
        'these changes take effect when the server is restarted',
      );
    }
  }

  /** Applies only the superuser key: nodes know the other secrets' public halves until the server restarts. */
  private applySecrets(next: ServerSecrets): { readonly applied: string[]; readonly pending: string[] } {
    const { secrets } = this.options;
    const before = secrets.current;
    const names = Object.keys({ ...before, ...next }) as (keyof ServerSecrets)[];
    const different = names.filter((name) => !isDeepStrictEqual(before[name], next[name]));
    secrets.replace(Object.freeze({ ...before, superuser_key: next.superuser_key }));
    return {
      applied: different.filter((name) => name === 'superuser_key'),
      pending: different.filter((name) => name !== 'superuser_key'),
    };
  }
}
