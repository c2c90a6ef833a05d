import { AppError } from '../../../src/shared/lib/app-error.js';
import { askServer } from '../server-status.js';
import { pidIn } from '../services/supervisor.js';
import { findStanding } from '../ha-role.js';
import type { Installation } from '../installation.js';

/** A server that takes over a large database may need that long. */
const ANSWERS_WITHIN_MS = 120_000;
const ASK_EVERY_MS = 250;

/** Where the database cannot be asked whether one of two servers stands by, its silence is taken for that by then. */
const STANDS_BY_AFTER_MS = 15_000;

/** A server that was started so often without ever answering will not answer. */
const MOST_STARTS = 4;

/**
 * Waits until the server answers, or with `ha` stands by for another, and hands back what it does. Throws an AppError
 * that names the log where the server stays silent, or dies again and again.
 */
export const waitForServer = async (installation: Installation): Promise<string> => {
  const { product, context } = installation;
  const startedAt = performance.now();
  const supervisor = context.supervisor();
  const processes = new Set<number>();
  for (;;) {
    const answer = await askServer(product);
    if ('status' in answer) return 'it answers';
    const pid = pidIn(await supervisor.status());
    if (pid !== undefined) processes.add(pid);
    const waitedMs = performance.now() - startedAt;
    const standing = (await findStanding(installation)).kind;
    const isPatient = standing === 'unknown' && processes.size === 1 && waitedMs > STANDS_BY_AFTER_MS;
    if (standing === 'stands by' || isPatient) return 'it stands by for the active server';
    const hasDied = processes.size >= MOST_STARTS;
    if (hasDied || waitedMs > ANSWERS_WITHIN_MS) {
      throw new AppError(
        hasDied ? 'server_dies' : 'server_silent',
        `the server ${hasDied ? 'ends as soon as it is started' : 'does not answer'} (${answer.reason}); its log in ` +
          `${product.folders.logs} says why: opscode-push-jobs-server-ctl tail`,
      );
    }
    await context.environment.sleep(ASK_EVERY_MS);
  }
};
