import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CommandContext } from '../../command-context.js';
import { ensureFolder, ensureFileOwners } from '../files.js';
import { generateMissingSecrets } from '../secrets/generate-secrets.js';
import { removeExpiredKeys } from '../secrets/previous-keys.js';
import { saveWithBackup, migrateOldSecrets } from '../secrets/old-secrets.js';
import { addSystemUser, findUser } from '../users.js';
import type { Installation } from '../installation.js';
import type { PlannedStep, Step } from './step.js';

/** Only the service user may enter its folders. */
const PRIVATE_FOLDER = 0o700;

/** Moves old secrets into the secrets file, generates missing ones, and removes expired keys. */
export const secretsStep: PlannedStep = {
  name: 'secrets',
  run: async (installation) => {
    const { context, secrets, settings } = installation;
    if (!settings.runsService) return []; // a frontend gets Chef Server's secrets file, with our secrets, from the backend
    const changes = await updateSecrets(installation);
    return [...changes, ...(await saveWithBackup(context.paths, secrets, nowOf(context)))];
  },
  plan: (installation) =>
    installation.settings.runsService ? updateSecrets(installation) : Promise.resolve([]),
};

const nowOf = ({ environment }: CommandContext): Date => new Date(environment.clock.now());

/** Changes the secrets in memory only. Returns a line per change. */
const updateSecrets = async ({ context, secrets }: Installation): Promise<string[]> => {
  const moved = migrateOldSecrets(context.paths, secrets);
  const generated = await generateMissingSecrets(secrets);
  const removed = removeExpiredKeys(secrets, nowOf(context));
  return [
    ...moved,
    ...(generated.length === 0 ? [] : [`generated ${generated.join(', ')} in ${secrets.file}`]),
    ...(removed ? [`removed the keys before the last rotation from ${secrets.file}: they have expired`] : []),
  ];
};

/** Creates the service user, unless Chef Server has created it, and the folders. */
export const foldersStep: Step = {
  name: 'user and folders',
  run: async (installation) => {
    const { settings, context } = installation;
    const { run } = context.environment;
    const changes: string[] = [];
    if (settings.chef === undefined && (await findUser(settings.serviceUser, run)) === undefined) {
      await addSystemUser(settings.serviceUser, settings.folders.data, run);
      changes.push(`created the user ${settings.serviceUser}`);
    }
    const owner = await installation.owner();
    for (const folder of Object.values(settings.folders)) {
      mkdirSync(dirname(folder), { recursive: true }); // the folders above belong to the system
      changes.push(...ensureFolder(folder, { mode: PRIVATE_FOLDER, owner }));
    }
    // Existing logs may belong to root or an earlier user; the service user must be able to write and rotate them.
    return [...changes, ...ensureFileOwners(settings.folders.logs, owner)];
  },
};
