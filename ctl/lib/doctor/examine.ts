import { messageOf } from '../../../src/shared/lib/app-error.js';
import type { Installation } from '../installation.js';
import { certificateCheck, chefServerCheck, nginxCheck } from './chef-server-checks.js';
import { bad, type Check, type Finding } from './check.js';
import { databaseCheck } from './database-check.js';
import { keysCheck } from './keys-check.js';
import { diskCheck, secretsCheck, settingsCheck } from './local-checks.js';
import { portsCheck, serviceCheck } from './service-checks.js';
import { settledStanding, type Standing } from '../ha-role.js';

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

/**
 * Runs all checks; one that breaks counts as wrong and does not keep the others from running. Each line is also shown
 * as soon as it is known, since a check can wait for a while.
 */
export const examine = async (
  installation: Installation,
  show: (line: string) => void = () => undefined,
): Promise<Examination> => {
  const lines: string[] = [];
  const add = (line: string): void => {
    lines.push(line);
    show(line);
  };
  let wrong = 0;
  const standing = await standingOf(installation);
  for (const check of CHECKS) {
    for (const finding of await findingsOf(check, installation, standing)) {
      if (finding.kind === 'bad') wrong++;
      add(`${MARKS[finding.kind]} ${check.name}: ${finding.text}`);
      if (finding.kind !== 'good') add(`        to mend it: ${finding.mend}`);
    }
  }
  return { lines, wrong };
};

/** Where it cannot be found out, the checks say why: they ask the same again. */
const standingOf = async (installation: Installation): Promise<Standing> => {
  try {
    return await settledStanding(installation);
  } catch (thrown) {
    return { kind: 'unknown', reason: messageOf(thrown) };
  }
};

const findingsOf = async (
  check: Check,
  installation: Installation,
  standing: Standing,
): Promise<Finding[]> => {
  try {
    return await check.run(installation, standing);
  } catch (thrown) {
    return [bad(messageOf(thrown), 'run: opscode-push-jobs-server-ctl reconfigure')];
  }
};
