import { ensureFile } from '../files.js';
import { SERVICE } from '../paths.js';
import { showSettings } from '../settings/show-settings.js';
import type { Step } from './step.js';

const PRIVATE = 0o600;

/** What other programs read of us (`chef-server-ctl psql`), and the marker that this machine was configured. */
export const finishStep: Step = {
  name: 'running.json',
  run: async (installation) => {
    const { product, context } = installation;
    const access = { mode: PRIVATE, owner: await installation.owner() };
    const running = { ...showSettings(product), run_list: [`recipe[${SERVICE}]`] };
    return [
      ...ensureFile(context.paths.running, `${JSON.stringify(running, null, 2)}\n`, access),
      ...ensureFile(product.bootstrapped, 'bootstrapped\n', access),
    ];
  },
};
