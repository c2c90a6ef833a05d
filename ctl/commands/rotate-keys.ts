import type { ServerConfig } from '../../src/server/config/server-config.js';
import { AppError } from '../../src/shared/lib/app-error.js';
import type { Command, CommandArguments } from '../command.js';
import { formatDuration, parseDuration } from '../lib/duration.js';
import { EXIT } from '../lib/exit-code.js';
import { Installation } from '../lib/installation.js';
import { configurationStep, startStep } from '../lib/reconfigure/service-steps.js';
import { runSteps } from '../lib/reconfigure/step.js';
import { replaceKeys } from '../lib/secrets/generate-secrets.js';
import { requireServiceOnThisMachine } from '../lib/secrets/open-secrets.js';
import { previousKeysOf, setPreviousKeys } from '../lib/secrets/previous-keys.js';
import type { SecretsStore } from '../lib/secrets/secrets-store.js';
import { findHaRole, findStandbys, type HaRole } from '../lib/ha-role.js';
import { type GracePeriod, rotationAdvice } from '../lib/secrets/rotation-advice.js';
import { UsageError } from '../../src/shared/lib/usage-error.js';

/** A longer grace period would defeat the rotation. */
const MAX_GRACE_MS = 30 * 86_400_000;

/** Replaces the server keys; the old ones are accepted during a grace period. */
export const rotateKeys: Command = {
  name: 'rotate-keys',
  group: 'general',
  summary: 'Replace the keys of the server; nodes fetch the new ones while the old ones are still accepted.',
  options: {
    grace: {
      type: 'string',
      describe:
        'How long the old keys are accepted, for example 90m, 2h or 1d; default: long enough for every node',
    },
    now: {
      type: 'boolean',
      describe:
        'Stop accepting the old keys at once, because somebody else has them: every node is offline for a while',
    },
  },
  needsRoot: true,
  isExclusive: () => true,
  run: async (context, args) => {
    const asked = requestedGraceMs(args);
    const installation = new Installation(context, { superuserPassword: undefined });
    const { settings } = installation;
    requireServiceOnThisMachine(settings, 'rotate-keys');
    const { secrets } = installation;
    const graceMs = asked ?? defaultGraceMs(settings.serverConfig);
    await requireNoStandby(installation);
    if (graceMs > 0) requireNoRotationInProgress(secrets, context.environment.clock.now());
    const { made, grace } = await replaceAndSave(secrets, context.environment.clock.now(), graceMs);
    context.print(`Generated ${made.join(', ')} in ${secrets.file}.`);
    const outcome = await runSteps(installation, [configurationStep, startStep]);
    if ('failed' in outcome) {
      context.warn(
        'The keys are generated, but the server does not use them yet: fix this and run reconfigure.',
      );
      return EXIT.failed;
    }
    const activeHost = activeHostOf(await findHaRole(installation));
    for (const line of rotationAdvice(settings.serverConfig, secrets.file, grace, activeHost))
      context.print(line);
    return EXIT.ok;
  },
};

/** Returns the grace period in milliseconds, 0 with --now, or undefined if neither option is given. */
const requestedGraceMs = ({ options }: CommandArguments): number | undefined => {
  const grace = options.get('grace');
  if (options.has('now')) {
    if (grace !== undefined) throw new UsageError('--now and --grace exclude each other; give one of them');
    return 0;
  }
  if (grace === undefined) return undefined;
  const ms = parseDuration(String(grace));
  if (ms !== undefined && ms <= MAX_GRACE_MS) return ms;
  throw new UsageError(
    `give the time for which the old keys are accepted: --grace 2h (minutes m, hours h, days d, at most ${formatDuration(MAX_GRACE_MS)}), ` +
      `not ${String(grace)}`,
  );
};

/** A node fetches its config once per config lifetime, or after the job that it runs at that moment. */
const defaultGraceMs = ({ config_lifetime, default_running_timeout }: ServerConfig): number =>
  (config_lifetime + Math.max(config_lifetime, default_running_timeout)) * 1000;

/** Returns the host of the active server if it is another one. A server that was started and stays silent also waits for it. */
const activeHostOf = (haRole: HaRole): string | undefined => {
  if (haRole.kind === 'standby') return haRole.activeHost;
  return haRole.kind === 'unknown' ? 'another machine' : undefined;
};

/** When the active server restarts, a standby takes over; it would not have the new keys. */
const requireNoStandby = async (installation: Installation): Promise<void> => {
  const [standby] = await findStandbys(installation);
  if (standby === undefined) return;
  throw new AppError(
    'active_server',
    `this is the active server: when it restarts, the standby on ${standby} takes over without the new keys. ` +
      'Nothing was changed. Run rotate-keys there: it then takes over with both sets of keys, and tells how to copy them here.',
  );
};

const requireNoRotationInProgress = (secrets: SecretsStore, now: number): void => {
  const until = previousKeysOf(secrets)?.valid_until;
  if (until === undefined || Date.parse(until) <= now) return;
  throw new AppError(
    'rotation_under_way',
    `the keys before the last rotation are accepted until ${until}; nodes may still use them, and only two sets of keys ` +
      'can be accepted at a time. Nothing was changed. Wait until then, or cut off all nodes that still use them: ' +
      'opscode-push-jobs-server-ctl rotate-keys --now',
  );
};

/** Generates and saves the keys. Returns their names and the grace period of those that they replace. */
const replaceAndSave = async (
  secrets: SecretsStore,
  now: number,
  graceMs: number,
): Promise<{ made: string[]; grace: GracePeriod | undefined }> => {
  const [pushy_priv_key, curve_secret_key] = [secrets.get('pushy_priv_key'), secrets.get('curve_secret_key')];
  const made = await replaceKeys(secrets, { rsa: true, curve: true });
  let grace: GracePeriod | undefined;
  if (graceMs > 0 && pushy_priv_key !== undefined && curve_secret_key !== undefined) {
    grace = { until: formatTime(now + graceMs), graceMs };
    setPreviousKeys(secrets, {
      pushy_priv_key,
      curve_secret_key,
      rotated_at: formatTime(now),
      valid_until: grace.until,
    });
  }
  await secrets.save();
  return { made, grace };
};

/** ISO 8601 in UTC, to the second. */
const formatTime = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+/, '');
