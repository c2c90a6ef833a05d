import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { ChefDirectory } from '../../../../../src/server/auth/chef-directory.port.js';
import type { ServerConfig } from '../../../../../src/server/config/server-config.js';
import { HistoryPruner } from '../../../../../src/server/jobs/history/history-pruner.js';
import type { HistoryStore } from '../../../../../src/server/jobs/history/history-store.port.js';
import { deferred } from '../../../../../src/shared/lib/deferred.js';
import { systemClock } from '../../../../../src/shared/lib/clock.js';

it('stops after the organization that it is pruning when the server stops', async () => {
  const pruned: string[] = [];
  const begun = deferred();
  const store: HistoryStore = {
    organizations: () => Promise.resolve(['acme', 'globex']),
    prune: (orgId, _retention, _now, signal) => {
      pruned.push(orgId);
      begun.resolve();
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(1)));
    },
    deleteIdempotencyKeys: () => Promise.resolve(),
  };
  const config = { history_retention: { days: 1, organizations: {} } } as unknown as ServerConfig;
  const logger = pino({ level: 'silent' });
  const pruner = new HistoryPruner(config, store, {} as ChefDirectory, systemClock, logger);
  pruner.onApplicationBootstrap();
  await begun.promise;
  await pruner.onApplicationShutdown();
  expect(pruned).toEqual(['acme']);
});
