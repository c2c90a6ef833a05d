import { AppError } from '../../../src/shared/lib/app-error.js';
import { fetchServerStatus } from '../server-status.js';
import { pidIn } from '../services/service-supervisor.js';
import { findHaRole } from '../ha-role.js';
import type { Installation } from '../installation.js';

/** A server that takes over a large database may need this long. */
const RESPONSE_TIMEOUT_MS = 120_000;
const POLL_INTERVAL_MS = 250;

/** If the database cannot show whether a silent server is a standby, assume it after this time. */
const ASSUME_STANDBY_AFTER_MS = 15_000;

/** A server that was started this often without a response will not respond. */
const MAX_STARTS = 4;

/**
 * Waits until the server responds or, with `ha`, is a standby. Returns which of the two, as text. Throws an AppError that
 * names the log if the server stays silent or ends again and again.
 */
export const waitForServer = async (installation: Installation): Promise<string> => {
  const { settings, context } = installation;
  const startedAt = performance.now();
  const supervisor = context.requireSupervisor();
  const pids = new Set<number>();
  for (;;) {
    const response = await fetchServerStatus(settings);
    if ('status' in response) return 'it responds';
    const pid = pidIn(await supervisor.status());
    if (pid !== undefined) pids.add(pid);
    const waitedMs = performance.now() - startedAt;
    const haRole = (await findHaRole(installation)).kind;
    const isAssumedStandby = haRole === 'unknown' && pids.size === 1 && waitedMs > ASSUME_STANDBY_AFTER_MS;
    if (haRole === 'standby' || isAssumedStandby) return 'it stands by for the active server';
    if (pids.size >= MAX_STARTS || waitedMs > RESPONSE_TIMEOUT_MS) {
      const hasDied = pids.size > 1; // on a busy machine the time is over before MAX_STARTS
      throw new AppError(
        hasDied ? 'server_dies' : 'server_silent',
        `the server ${hasDied ? 'ends as soon as it is started' : 'does not respond'} (${response.reason}); its log in ` +
          `${settings.folders.logs} says why: opscode-push-jobs-server-ctl tail`,
      );
    }
    await context.environment.sleep(POLL_INTERVAL_MS);
  }
};
