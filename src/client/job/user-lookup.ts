import { readFile } from 'node:fs/promises';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { runTool } from '../../shared/platform/run-tool.js';

/** A user of this machine. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** All groups, including `gid`. */
  readonly groups: readonly number[];
  readonly home: string;
}

/** Whether the client runs as this user. */
export const isCurrentUser = ({ uid }: SystemUser): boolean => uid === process.getuid?.();

/** Valid user names. A leading dash would be parsed as an option. */
const USER_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}\$?$/;

/**
 * Finds a user of the system: with `getent`, which includes directory services like LDAP, or else in /etc/passwd. The
 * error says why the user cannot be used.
 */
export const findUser = async (name: string): Promise<Result<SystemUser, string>> => {
  if (process.platform === 'win32') return err('a job cannot be run as another user on Windows');
  if (!USER_NAME.test(name)) return err(`'${name.slice(0, 64)}' is not a user name`);
  const entry = await readPasswdEntry(name);
  const [login = '', , uid, gid, , home = '/'] = entry?.trim().split(':') ?? [];
  if (uid === undefined || gid === undefined) return err(`there is no user '${name}' on this node`);
  const groups = await runTool('id', ['-G', login]);
  return ok({
    name: login,
    uid: Number(uid),
    gid: Number(gid),
    groups: groups?.exitCode === 0 ? groups.stdout.trim().split(/\s+/).map(Number) : [Number(gid)],
    home,
  });
};

const readPasswdEntry = async (name: string): Promise<string | undefined> => {
  const found = await runTool('getent', ['passwd', name]);
  if (found !== undefined) return found.exitCode === 0 ? found.stdout : undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n');
  return lines.find((line) => line.startsWith(`${name}:`));
};
