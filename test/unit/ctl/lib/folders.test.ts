import { linkSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunProgram } from '../../../../ctl/lib/run-program.js';
import { CtlUnderTest } from '../../../support/ctl-under-test.js';

const LOGS = '/var/log/opscode-push-jobs-server';
const SERVICE_UID = 64_123;

/** A double of `getent` that knows the service user; other programs do nothing. */
const run: RunProgram = (program, [, name = '']) =>
  Promise.resolve({
    code: 0,
    stdout: program === 'getent' ? `${name}:x:${SERVICE_UID}:${SERVICE_UID}::/:/bin/false\n` : '',
    stderr: '',
  });

let under: CtlUnderTest;
beforeEach(() => {
  under = new CtlUnderTest({ run });
  under.writeSettings(`opscode_pushy_server['vip'] = 'push.example.com'
chef_server['root_url'] = 'https://chef.example.com'
postgresql['vip'] = '/nowhere'
`);
});
afterEach(() => under.remove());

const uidOf = (absolute: string): number => statSync(under.path(absolute)).uid;

/** Only root can change the owner of files. */
it.runIf(process.getuid?.() === 0)(
  'logs that root began are given to the service user, and nothing that its links lead to',
  async () => {
    under.write(`${LOGS}/current`, 'begun as root\n');
    under.write(`${LOGS}/lock`, '');
    const aim = under.write('/etc/shadow', 'of root alone\n');
    symlinkSync(aim, under.path(`${LOGS}/a-link`));
    const twin = under.write('/etc/gshadow', 'of root alone\n');
    linkSync(twin, under.path(`${LOGS}/a-second-name`));

    const { stdout } = await under.run('reconfigure');
    expect(stdout).toContain(`changed the owner of ${under.path(LOGS)}/current\n`);
    expect([LOGS, `${LOGS}/current`, `${LOGS}/lock`].map(uidOf)).toEqual(Array(3).fill(SERVICE_UID));
    expect(['/etc/shadow', '/etc/gshadow'].map(uidOf)).toEqual([0, 0]);
    expect((await under.run('reconfigure')).stdout).toContain('[2/8] user and folders: up to date');
  },
);
