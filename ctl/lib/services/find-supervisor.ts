import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Paths } from '../paths.js';
import type { RunProgram } from '../run-program.js';
import { Runit } from './runit.js';
import type { ServiceSupervisor } from './service-supervisor.js';
import { Systemd } from './systemd.js';

/**
 * Finds this machine's service supervisor: Chef Server's runit, so that `chef-server-ctl status` shows our service too,
 * else systemd, else the system's runit; undefined if there is none.
 */
export const findSupervisor = (
  { chefServer, under }: Paths,
  run: RunProgram,
): ServiceSupervisor | undefined => {
  if (existsSync(join(chefServer, 'service'))) {
    return new Runit(
      {
        title: "Chef Server's runit",
        definitions: join(chefServer, 'sv'),
        services: join(chefServer, 'service'),
        init: join(chefServer, 'init'),
        tool: (name) => join(chefServer, 'embedded', 'bin', name),
      },
      run,
    );
  }
  if (existsSync(under('/run/systemd/system'))) return new Systemd(under, run);
  if (existsSync(under('/etc/service'))) {
    return new Runit(
      {
        title: 'runit',
        definitions: under('/etc/sv'),
        services: under('/etc/service'),
        init: undefined,
        tool: (name) => name,
      },
      run,
    );
  }
  return undefined;
};
