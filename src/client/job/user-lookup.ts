import { readFile } from 'node:fs/promises';
import { err, ok, type Result } from '../../shared/lib/result.js';
import { runTool } from '../../shared/platform/run-tool.js';

/** A user of this machine. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** All groups, the first one too. */
  readonly groups: readonly number[];
  readonly home: string;
}

/** Whether we run as this user already. */
export const isOurselves = ({ uid }: SystemUser): boolean => uid === process.getuid?.();

/** Nothing else can name a user; a leading dash would be read as an option. */
const USER_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}\$?$/;

/**
 * Finds a user as the system knows it (also those of LDAP and the like, through `getent`, and otherwise by
 * /etc/passwd). The error is a reason for a person.
 */
export const findUser = async (name: string): Promise<Result<SystemUser, string>> => {
  if (process.platform === 'win32') return err('a job cannot be run as another user on Windows');
  if (!USER_NAME.test(name)) return err(`'${name.slice(0, 64)}' is not a user name`);
  const entry = await passwdEntry(name);
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

const passwdEntry = async (name: string): Promise<string | undefined> => {
  const answer = await runTool('getent', ['passwd', name]);
  if (answer !== undefined) return answer.exitCode === 0 ? answer.stdout : undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n');
  return lines.find((line) => line.startsWith(`${name}:`));
};
