import type { Level } from 'pino';
import { parseArgs } from 'node:util';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { err, ok, type Result } from '../shared/lib/result.js';
import { LOG_LEVELS, type SettingOverrides } from './settings/client-settings.js';

/** What the user asks for on the command line. */
export type ClientCommand =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'run' | 'check' | 'doctor';
      readonly file: string | undefined;
      readonly overrides: SettingOverrides;
    };

export const HELP = `Usage: push-jobs-client [options]
       push-jobs-client doctor [options]

The agent of Push Jobs on a node. It runs whitelisted commands when the push jobs server asks for them.
doctor checks everything that the agent needs and explains why the node would be unavailable.

  -c, --config FILE         settings file (default: the first of /etc/chef/chef-push-client.rb,
                            /etc/chef/push-jobs-client.rb, /etc/chef/client.rb)
  -S, --server URL          Chef Server, ending in /organizations/ORG
  -N, --node-name NAME      name of this node and its client (default: this machine's full name)
  -k, --client_key FILE     RSA private key of the client (default: /etc/chef/client.pem)
  -d, --file_dir DIR        folder for the files of jobs (default: /tmp/chef-push)
  -M, --max-body-size BYTES maximum length of a message to the server (default: 63000)
      --state_dir DIR       folder for the journal of jobs (default: /var/lib/push-jobs-client for root)
      --allow_unencrypted   connect to a 1.x server, which does not encrypt
  -l, --log_level LEVEL     debug, info, warn, error or fatal (default: info)
  -L, --logfile FILE        log to a file instead of standard output
      --check-config        read and show settings, key and certificates, and exit
  -h, --help                show this help and exit
  -v, --version             show the version and exit

Signals: TERM, INT and QUIT stop the client and the command that it runs. USR1 fetches the config from the
server again. HUP rereads the whitelist and reopens the log file. The client also rereads the whitelist by itself
when the settings file changes.

Exit codes: 0 stopped; 1 the doctor found a fault; 64 wrong option; 70 bug in the program; 75 another client of
this node runs on this machine; 78 invalid settings, key or certificates, an unusable state folder or log file,
or a 1.x server without --allow_unencrypted. If the server is unreachable or rejects this node, the client does not
exit: it logs the reason and tries again.
`;

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  server: { type: 'string', short: 'S' },
  'node-name': { type: 'string', short: 'N' },
  client_key: { type: 'string', short: 'k' },
  file_dir: { type: 'string', short: 'd' },
  'max-body-size': { type: 'string', short: 'M' },
  state_dir: { type: 'string' },
  'check-config': { type: 'boolean' },
  allow_unencrypted: { type: 'boolean' },
  log_level: { type: 'string', short: 'l' },
  logfile: { type: 'string', short: 'L' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** Parses the arguments after the program's name; the error names the wrong one. */
export const parseCommandLine = (args: readonly string[]): Result<ClientCommand, AppError> => {
  let values, positionals;
  try {
    ({ values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      strict: true,
      allowPositionals: true,
    }));
  } catch (thrown) {
    return err(new AppError('usage', messageOf(thrown)));
  }
  if (values.help === true) return ok({ kind: 'help' });
  if (values.version === true) return ok({ kind: 'version' });
  const [subcommand, ...more] = positionals;
  if (more.length > 0 || (subcommand !== undefined && subcommand !== 'doctor')) {
    return err(
      new AppError(
        'usage',
        `unknown argument '${more[0] ?? subcommand ?? ''}'; the only subcommand is 'doctor'`,
      ),
    );
  }
  const logLevel = LOG_LEVELS.find((level): level is Level & typeof level => level === values.log_level);
  if (values.log_level !== undefined && logLevel === undefined) {
    return err(
      new AppError('usage', `--log_level is '${values.log_level}'; allowed: ${LOG_LEVELS.join(', ')}`),
    );
  }
  const size = values['max-body-size'];
  if (size !== undefined && !/^[1-9]\d*$/.test(size)) {
    return err(new AppError('usage', `--max-body-size is '${size}'; it must be a number of bytes`));
  }
  return ok({
    kind: subcommand ?? (values['check-config'] === true ? 'check' : 'run'),
    file: values.config,
    overrides: {
      serverUrl: values.server,
      nodeName: values['node-name'],
      clientKeyPath: values.client_key,
      fileDir: values.file_dir,
      stateDir: values.state_dir,
      maxBodySize: size === undefined ? undefined : Number(size),
      allowUnencrypted: values.allow_unencrypted,
      logLevel,
      logPath: values.logfile,
    },
  });
};
