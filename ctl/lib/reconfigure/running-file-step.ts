import { ensureFile } from '../files.js';
import { SERVICE } from '../paths.js';
import { showSettings } from '../settings/show-settings.js';
import type { Step } from './step.js';

const PRIVATE = 0o600;

/** Writes the file that other programs read (`chef-server-ctl psql`), and the marker that this machine is configured. */
export const runningFileStep: Step = {
  name: 'running.json',
  run: async (installation) => {
    const { settings, context } = installation;
    const access = { mode: PRIVATE, owner: await installation.owner() };
    const running = { ...showSettings(settings), run_list: [`recipe[${SERVICE}]`] };
    return [
      ...(await ensureFile(context.paths.running, `${JSON.stringify(running, null, 2)}\n`, access)),
      ...(await ensureFile(settings.bootstrappedFile, 'bootstrapped\n', access)),
    ];
  },
};
