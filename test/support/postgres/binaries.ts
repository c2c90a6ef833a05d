import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const DEBIAN_FOLDER = '/usr/lib/postgresql';
const OLDEST_VERSION = 13;

/** Returns the folder with `initdb` and `postgres`: Debian's newest, or the one of `pg_config`; throws if there is none. */
export const findPostgresBinaries = (): string => {
  const folder = [...debianFolders(), ...pgConfigFolder()].find((bin) => existsSync(join(bin, 'initdb')));
  if (folder !== undefined) return folder;
  throw new Error(
    `PostgreSQL ${OLDEST_VERSION} or newer is not installed: no initdb in ${DEBIAN_FOLDER}/*/bin or in the folder of pg_config. ` +
      'Install it (Debian: apt-get install postgresql), or set PUSH_JOBS_TEST_POSTGRES=postgres://user:password@host:port/database.',
  );
};

const debianFolders = (): string[] => {
  if (!existsSync(DEBIAN_FOLDER)) return [];
  return readdirSync(DEBIAN_FOLDER)
    .filter((version) => Number(version) >= OLDEST_VERSION)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN_FOLDER, version, 'bin'));
};

const pgConfigFolder = (): string[] => {
  try {
    return [execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim()];
  } catch {
    return []; // no pg_config in PATH
  }
};
