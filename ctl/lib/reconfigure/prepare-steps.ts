import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CommandContext } from '../../command-context.js';
import { ensureFolder, ensureOwnerOfFiles } from '../files.js';
import { generateMissingSecrets } from '../secrets/generate-secrets.js';
import { removeEndedKeys } from '../secrets/previous-keys.js';
import { saveWithBackup, takeOverOldSecrets } from '../secrets/old-secrets.js';
import { addSystemUser, findUser } from '../users.js';
import type { Installation } from '../installation.js';
import type { PlannedStep, Step } from './step.js';

/** Only the service user gets into its folders. */
const PRIVATE_FOLDER = 0o700;

/** Moves old secrets into the secrets file, makes those that are missing, and removes keys whose time is over. */
export const secretsStep: PlannedStep = {
  name: 'secrets',
  run: async (installation) => {
    const { context, secrets, product } = installation;
    if (!product.runsService) return []; // a frontend gets Chef Server's file, and with it ours, from the backend
    const changes = await bringUpToDate(installation);
    return [...changes, ...saveWithBackup(context.paths, secrets, nowOf(context))];
  },
  plan: (installation) =>
    installation.product.runsService ? bringUpToDate(installation) : Promise.resolve([]),
};

const nowOf = ({ environment }: CommandContext): Date => new Date(environment.clock.now());

/** Does so in memory. */
const bringUpToDate = async ({ context, secrets }: Installation): Promise<string[]> => {
  const moved = takeOverOldSecrets(context.paths, secrets);
  const made = await generateMissingSecrets(secrets);
  const removed = removeEndedKeys(secrets, nowOf(context));
  return [
    ...moved,
    ...(made.length === 0 ? [] : [`made ${made.join(', ')} in ${secrets.file}`]),
    ...(removed
      ? [`removed the keys before the last rotation from ${secrets.file}: their time is over`]
      : []),
  ];
};

/** The service user, where no Chef Server has made one, and the folders. */
export const foldersStep: Step = {
  name: 'user and folders',
  run: async (installation) => {
    const { product, context } = installation;
    const { run } = context.environment;
    const changes: string[] = [];
    if (product.chef === undefined && (await findUser(product.serviceUser, run)) === undefined) {
      await addSystemUser(product.serviceUser, product.folders.data, run);
      changes.push(`made the user ${product.serviceUser}`);
    }
    const owner = await installation.owner();
    for (const folder of Object.values(product.folders)) {
      mkdirSync(dirname(folder), { recursive: true }); // what stands above belongs to the system
      changes.push(...ensureFolder(folder, { mode: PRIVATE_FOLDER, owner }));
    }
    // Logs that were begun as root, or as another user before: whoever writes or rotates them now must be able to.
    return [...changes, ...ensureOwnerOfFiles(product.folders.logs, owner)];
  },
};
