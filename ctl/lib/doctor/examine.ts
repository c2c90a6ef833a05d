import { messageOf } from '../../../src/lib/app-error.js';
import type { Installation } from '../reconfigure/installation.js';
import { certificateCheck, chefServerCheck, nginxCheck } from './chef-server-checks.js';
import { bad, type Check, type Finding } from './check.js';
import { databaseCheck } from './database-check.js';
import { diskCheck, portsCheck, secretsCheck, serviceCheck, settingsCheck } from './local-checks.js';

const CHECKS: readonly Check[] = [
  settingsCheck,
  secretsCheck,
  databaseCheck,
  chefServerCheck,
  certificateCheck,
  nginxCheck,
  serviceCheck,
  portsCheck,
  diskCheck,
];

const MARKS: Readonly<Record<Finding['kind'], string>> = {
  good: 'ok     ',
  warning: 'WARNING',
  bad: 'WRONG  ',
};

/** All that a doctor found. */
export interface Examination {
  /** A line each, with what to do below. */
  readonly lines: readonly string[];
  readonly wrong: number;
}

/** Runs all checks; one that breaks counts as wrong and does not keep the others from running. */
export const examine = async (installation: Installation): Promise<Examination> => {
  const lines: string[] = [];
  let wrong = 0;
  for (const check of CHECKS) {
    for (const finding of await findingsOf(check, installation)) {
      if (finding.kind === 'bad') wrong++;
      lines.push(`${MARKS[finding.kind]} ${check.name}: ${finding.text}`);
      if (finding.kind !== 'good') lines.push(`        to mend it: ${finding.mend}`);
    }
  }
  return { lines, wrong };
};

const findingsOf = async (check: Check, installation: Installation): Promise<Finding[]> => {
  try {
    return await check.run(installation);
  } catch (thrown) {
    return [bad(messageOf(thrown), 'run: opscode-push-jobs-server-ctl reconfigure')];
  }
};
