import { messageOf } from '../../../src/shared/lib/app-error.js';
import type { Installation } from '../installation.js';
import { certificateCheck, chefServerCheck, nginxCheck } from './chef-server-checks.js';
import { fault, type Check } from './check.js';
import { databaseCheck } from './database-check.js';
import { keysCheck } from './keys-check.js';
import { diskCheck, secretsCheck, settingsCheck } from './local-checks.js';
import { portsCheck, serviceCheck } from './service-checks.js';
import { waitForHaRole, type HaRole } from '../ha-role.js';
import type { Finding } from '../../../src/shared/lib/finding.js';

const CHECKS: readonly Check[] = [
  settingsCheck,
  secretsCheck,
  keysCheck,
  databaseCheck,
  chefServerCheck,
  certificateCheck,
  nginxCheck,
  serviceCheck,
  portsCheck,
  diskCheck,
];

const MARKS: Readonly<Record<Finding['level'], string>> = {
  ok: 'ok     ',
  warning: 'WARNING',
  fault: 'WRONG  ',
};

/** The result of all checks. */
export interface DoctorReport {
  /** One line per finding, followed by its remedy. */
  readonly lines: readonly string[];
  readonly wrong: number;
}

/**
 * Runs all checks. A check that throws counts as wrong; the others still run. `show` receives each line at once, because
 * a check can take a while.
 */
export const runDoctor = async (
  installation: Installation,
  show: (line: string) => void = () => undefined,
): Promise<DoctorReport> => {
  const lines: string[] = [];
  const add = (line: string): void => {
    lines.push(line);
    show(line);
  };
  let wrong = 0;
  const haRole = await haRoleOrUnknown(installation);
  for (const check of CHECKS) {
    for (const finding of await runCheck(check, installation, haRole)) {
      if (finding.level === 'fault') wrong++;
      add(`${MARKS[finding.level]} ${check.name}: ${finding.text}`);
      if (finding.remedy !== undefined) add(`        to fix it: ${finding.remedy}`);
    }
  }
  return { lines, wrong };
};

/** If the role cannot be found out, the checks meet the same error and report it. */
const haRoleOrUnknown = async (installation: Installation): Promise<HaRole> => {
  try {
    return await waitForHaRole(installation);
  } catch (thrown) {
    return { kind: 'unknown', reason: messageOf(thrown) };
  }
};

const runCheck = async (check: Check, installation: Installation, haRole: HaRole): Promise<Finding[]> => {
  try {
    return await check.run(installation, haRole);
  } catch (thrown) {
    return [fault(messageOf(thrown), 'run: opscode-push-jobs-server-ctl reconfigure')];
  }
};
