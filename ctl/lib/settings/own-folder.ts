import { resolve } from 'node:path';
import { z } from 'zod';

/** Folders that others' things are in; with them all above them are meant. */
const OF_OTHERS = [
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

/** Whether the folder holds nothing but ours, as far as that can be known from its name. */
const isOwn = (path: string): boolean => {
  const folder = resolve(path);
  return folder !== '/' && !OF_OTHERS.some((other) => other === folder || other.startsWith(`${folder}/`));
};

/** An absolute path, as all in the settings are. */
export const absolutePath = () => z.string().regex(/^\/./, 'must be an absolute path');

/** The absolute path of a folder that becomes the service user's, and that `cleanse` removes with all that is in it. */
export const ownFolder = () =>
  absolutePath().refine(isOwn, {
    message:
      'must be a folder of its own: it is closed to all but the service user, and cleanse removes it with all in it',
  });
