import { resolve } from 'node:path';
import { z } from 'zod';

/** Folders with files of other programs; their parents are excluded too. */
const SHARED_FOLDERS = [
  ...[
    '/bin',
    '/boot',
    '/dev',
    '/home',
    '/lib',
    '/lib64',
    '/media',
    '/mnt',
    '/proc',
    '/root',
    '/run',
    '/sbin',
  ],
  ...['/srv', '/sys', '/tmp', '/usr/bin', '/usr/lib', '/usr/local/bin', '/usr/sbin', '/usr/share'],
  ...['/var/cache', '/var/lib', '/var/log/opscode', '/var/opt/opscode', '/var/run', '/var/spool', '/var/tmp'],
  ...['/etc/opscode', '/etc/opscode-push-jobs-server', '/opt/opscode', '/opt/opscode-push-jobs-server'],
];

/** Whether the path cannot contain files of other programs. */
const isDedicated = (path: string): boolean => {
  const folder = resolve(path);
  return (
    folder !== '/' && !SHARED_FOLDERS.some((other) => other === folder || other.startsWith(`${folder}/`))
  );
};

/** Schema of an absolute path. */
export const absolutePath = () => z.string().regex(/^\/./, 'must be an absolute path');

/** Schema of a folder that will belong to the service user, and that `cleanse` removes with its content. */
export const dedicatedFolder = () =>
  absolutePath().refine(isDedicated, {
    message:
      'must be a dedicated folder: only the service user gets access, and cleanse removes it with its content',
  });
