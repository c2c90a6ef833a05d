import type { Command } from './command.js';
import { cleanse } from './commands/cleanse.js';
import { doctor } from './commands/doctor.js';
import { gatherLogs } from './commands/gather-logs.js';
import { generateKeys } from './commands/generate-keys.js';
import { help } from './commands/help.js';
import { pruneJobs } from './commands/prune-jobs.js';
import { reconfigure } from './commands/reconfigure.js';
import { rotateKeys } from './commands/rotate-keys.js';
import { serviceList } from './commands/service-list.js';
import { serviceVerbs } from './commands/service-verbs.js';
import { showConfig } from './commands/show-config.js';
import { status } from './commands/status.js';
import { tail } from './commands/tail.js';
import { test } from './commands/test.js';
import { uninstall } from './commands/uninstall.js';
import { upgrade } from './commands/upgrade.js';
import { version } from './commands/version.js';

/** Every command of the program. */
export const COMMANDS: readonly Command[] = [
  cleanse,
  doctor,
  gatherLogs,
  generateKeys,
  help(() => COMMANDS),
  pruneJobs,
  reconfigure,
  rotateKeys,
  serviceList,
  showConfig,
  status,
  tail,
  test,
  uninstall,
  upgrade,
  version,
  ...serviceVerbs,
];
