import type { ServerConfig } from '../../src/server/config/server-config.js';
import { AppError } from '../../src/shared/lib/app-error.js';
import type { Command, CommandArguments } from '../command.js';
import { formatDuration, parseDuration } from '../lib/duration.js';
import { EXIT } from '../lib/exit-code.js';
import { Installation } from '../lib/installation.js';
import { configurationStep, startStep } from '../lib/reconfigure/service-steps.js';
import { runSteps } from '../lib/reconfigure/step.js';
import { replaceKeys } from '../lib/secrets/generate-secrets.js';
import { refuseWhereNoServiceRuns } from '../lib/secrets/open-secrets.js';
import { previousKeysOf, setPreviousKeys } from '../lib/secrets/previous-keys.js';
import type { SecretsStore } from '../lib/secrets/secrets-store.js';
import { findStanding, findStandbys, type Standing } from '../lib/ha-role.js';
import { type Grace, whatNext } from '../lib/secrets/rotation-advice.js';
import { UsageError } from '../lib/usage-error.js';

/** Keys that count for longer than this, in milliseconds, were hardly replaced. */
const LONGEST_GRACE_MS = 30 * 86_400_000;

/** Makes new keys; for a while the old ones count, too. */
export const rotateKeys: Command = {
  name: 'rotate-keys',
  group: 'general',
  summary: 'Replace the keys of the server; nodes follow by themselves while the old ones still count.',
  options: {
    grace: {
      type: 'string',
      describe:
        'How long the old keys count, like 90m, 2h or 1d; default: so long that every node can follow',
    },
    now: {
      type: 'boolean',
      describe: 'The old keys count no more, since somebody else has them: every node is cut off for a while',
    },
  },
  needsRoot: true,
  isExclusive: () => true,
  run: async (context, args) => {
    const asked = askedGraceMs(args);
    const installation = new Installation(context, { superuserPassword: undefined });
    const { product } = installation;
    refuseWhereNoServiceRuns(product, 'rotate-keys');
    const { secrets } = installation;
    const graceMs = asked ?? defaultGraceMs(product.serverConfig);
    await refuseOnActive(installation);
    if (graceMs > 0) refuseWhileRotating(secrets, context.environment.clock.now());
    const { made, grace } = await replace(secrets, context.environment.clock.now(), graceMs);
    context.say(`Made ${made.join(', ')} in ${secrets.file}.`);
    const outcome = await runSteps(context, installation, [configurationStep, startStep]);
    if ('failed' in outcome) {
      context.warn('The keys are made, but the server does not use them yet: mend this and run reconfigure.');
      return EXIT.failed;
    }
    const activeHost = activeHostIn(await findStanding(installation));
    for (const line of whatNext(product.serverConfig, secrets.file, grace, activeHost)) context.say(line);
    return EXIT.ok;
  },
};

/** How long the old keys are to count, in milliseconds, 0 for not at all; undefined where nothing was said. */
const askedGraceMs = ({ options }: CommandArguments): number | undefined => {
  const grace = options.get('grace');
  if (options.has('now')) {
    if (grace !== undefined) throw new UsageError('--now means that there is no --grace; give one of them');
    return 0;
  }
  if (grace === undefined) return undefined;
  const ms = parseDuration(String(grace));
  if (ms !== undefined && ms <= LONGEST_GRACE_MS) return ms;
  throw new UsageError(
    `say how long the old keys count: --grace 2h (minutes m, hours h, days d, at most ${formatDuration(LONGEST_GRACE_MS)}), ` +
      `not ${String(grace)}`,
  );
};

/** A node fetches its config within its lifetime, or after the job that it runs then. */
const defaultGraceMs = ({ config_lifetime, default_running_timeout }: ServerConfig): number =>
  (config_lifetime + Math.max(config_lifetime, default_running_timeout)) * 1000;

/** Where the active server is, if not here. One that was started and stays silent waits for it, too. */
const activeHostIn = (standing: Standing): string | undefined => {
  if (standing.kind === 'stands by') return standing.activeHost;
  return standing.kind === 'unknown' ? 'another machine' : undefined;
};

/** At its restart another server would take over, to whom the new keys are strange. */
const refuseOnActive = async (installation: Installation): Promise<void> => {
  const [standby] = await findStandbys(installation);
  if (standby === undefined) return;
  throw new AppError(
    'active_server',
    `this is the active server: as it restarts, the one that stands by on ${standby} takes over, without the new keys. ` +
      'Nothing was changed. Run rotate-keys there: it has both sets of keys when it takes over, and says how they get here.',
  );
};

const refuseWhileRotating = (secrets: SecretsStore, now: number): void => {
  const until = previousKeysOf(secrets)?.valid_until;
  if (until === undefined || Date.parse(until) <= now) return;
  throw new AppError(
    'rotation_under_way',
    `the keys before the last rotation count until ${until}; nodes may still know the server by them, and only two sets ` +
      'of keys can count. Nothing was changed. Wait until then, or cut off all nodes that have not followed: ' +
      'opscode-push-jobs-server-ctl rotate-keys --now',
  );
};

/** Makes the keys and saves them; what was made, and how long those count that they replace. */
const replace = async (
  secrets: SecretsStore,
  now: number,
  graceMs: number,
): Promise<{ made: string[]; grace: Grace | undefined }> => {
  const [pushy_priv_key, curve_secret_key] = [secrets.get('pushy_priv_key'), secrets.get('curve_secret_key')];
  const made = await replaceKeys(secrets, { rsa: true, curve: true });
  let grace: Grace | undefined;
  if (graceMs > 0 && pushy_priv_key !== undefined && curve_secret_key !== undefined) {
    grace = { until: timeOf(now + graceMs), graceMs };
    setPreviousKeys(secrets, {
      pushy_priv_key,
      curve_secret_key,
      rotated_at: timeOf(now),
      valid_until: grace.until,
    });
  }
  secrets.save();
  return { made, grace };
};

/** ISO 8601 in UTC, to the second. */
const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+/, '');
