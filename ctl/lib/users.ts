import { existsSync, readFileSync } from 'node:fs';
import { AppError } from '../../src/shared/lib/app-error.js';
import type { Owner } from './files.js';
import { type RunProgram, outputOf } from './run-program.js';

const PASSWD = '/etc/passwd';

/** Finds a user of this machine; undefined if it does not exist. */
export const findUser = async (name: string, run: RunProgram): Promise<Owner | undefined> => {
  const inFile = existsSync(PASSWD) ? userIn(readFileSync(PASSWD, 'utf8'), name) : undefined;
  if (inFile !== undefined) return inFile;
  const { stdout } = await run('getent', ['passwd', name]); // a directory service may know it
  return userIn(stdout, name);
};

const userIn = (passwd: string, name: string): Owner | undefined => {
  const fields = passwd.split('\n').map((line) => line.split(':'));
  const found = fields.find(([user]) => user === name);
  return found === undefined ? undefined : { uid: Number(found[2]), gid: Number(found[3]) };
};

/** Creates a user that can own files and run a service but not log in. */
export const addSystemUser = async (name: string, home: string, run: RunProgram): Promise<void> => {
  const added = await run('useradd', [
    '--system',
    '--user-group',
    ...['--home-dir', home, '--no-create-home', '--shell', '/usr/sbin/nologin'],
    name,
  ]);
  if (added.code !== 0) throw new AppError('user', `cannot create the user ${name}: ${outputOf(added)}`);
};
