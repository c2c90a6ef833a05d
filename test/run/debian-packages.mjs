/** Checks and installs the Debian packages that the tests need. */
import { existsSync, readdirSync } from 'node:fs';
import { mustRun, run } from './commands.mjs';
import { StepFailed } from './steps.mjs';

const works = async (command) => {
  try {
    return (await run(command)).code === 0;
  } catch (thrown) {
    if (thrown instanceof StepFailed) return false; // the program does not exist
    throw thrown;
  }
};

const hasPostgres = async () => {
  const folder = '/usr/lib/postgresql';
  const versions = existsSync(folder) ? readdirSync(folder) : [];
  if (versions.some((version) => existsSync(`${folder}/${version}/bin/initdb`))) return true;
  return works(['sh', '-c', 'test -x "$(pg_config --bindir)/initdb"']);
};

const hasProgram = (name) => works(['sh', '-c', `command -v ${name}`]);

/** Packages that the tests of our packages need, with one program of each. */
const FOR_PACKAGES = {
  binutils: 'x86_64-linux-gnu-strip',
  rpm: 'rpmbuild',
  lintian: 'lintian',
  rpmlint: 'rpmlint',
  curl: 'curl',
  openssl: 'openssl',
  iproute2: 'ip',
  procps: 'pgrep',
  logrotate: 'logrotate',
  systemd: 'systemd-analyze',
};

/** All packages, the projects that need them, and a check that also finds other installations. */
const NEEDED = [
  {
    name: 'postgresql',
    projects: ['contract', 'integration', 'e2e', 'interop', 'packages'],
    isThere: hasPostgres,
  },
  {
    name: 'runit',
    projects: ['integration', 'packages'],
    isThere: () => works(['sh', '-c', 'command -v sv runsvdir svlogd']),
  },
  { name: 'nginx-light', projects: ['integration', 'packages'], isThere: () => hasProgram('nginx') },
  ...Object.entries(FOR_PACKAGES).map(([name, program]) => ({
    name,
    projects: ['packages'],
    isThere: () => hasProgram(program),
  })),
  {
    name: 'ruby-mixlib-authentication',
    projects: ['interop'],
    isThere: () => works(['ruby', '-e', 'require "mixlib/authentication"']),
  },
  {
    name: 'ruby-ffi-rzmq',
    projects: ['interop'],
    isThere: () => works(['ruby', '-e', 'require "ffi-rzmq"']),
  },
];

const missingOf = async (needed) => {
  const found = await Promise.all(needed.map((one) => one.isThere()));
  return needed.filter((_, index) => !found[index]).map(({ name }) => name);
};

/**
 * Checks the packages that these projects need. As root on Debian it installs missing ones; otherwise it throws a
 * StepFailed with their names.
 * @param {readonly string[]} projects
 */
export const checkDebianPackages = async (projects) => {
  const needed = NEEDED.filter((one) => one.projects.some((project) => projects.includes(project)));
  const missing = await missingOf(needed);
  if (missing.length === 0) return;

  if (process.getuid?.() !== 0 || !(await works(['apt-get', '--version']))) {
    throw new StepFailed(
      `missing: ${missing.join(', ')}. Install them (on Debian, as root: ` +
        `apt-get update && apt-get install ${missing.join(' ')}), or run npm test as root, which installs them.`,
    );
  }
  console.log(`missing: ${missing.join(', ')}: running apt-get install`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await mustRun(['apt-get', 'update', '-qq'], { env });
  await mustRun(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], { env });

  const still = await missingOf(needed);
  if (still.length > 0) throw new StepFailed(`still missing after apt-get install: ${still.join(', ')}`);
};
