import type { Level } from 'pino';
import { parseArgs } from 'node:util';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { err, ok, type Result } from '../shared/lib/result.js';
import { LOG_LEVELS, type SettingOverrides } from './settings/client-settings.js';

/** What the command line asks for. */
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

The agent of Push Jobs on a node: runs whitelisted commands when the push jobs server asks for it.
doctor goes through all that it needs for that, and says in words why the node would show as unavailable.

  -c, --config FILE         settings file (default: the first of /etc/chef/chef-push-client.rb,
                            /etc/chef/push-jobs-client.rb, /etc/chef/client.rb)
  -S, --server URL          Chef Server, ending in /organizations/ORG
  -N, --node-name NAME      name of this node and its client (default: this machine's full name)
  -k, --client_key FILE     RSA private key of the client (default: /etc/chef/client.pem)
  -d, --file_dir DIR        where files that come with jobs are put (default: /tmp/chef-push)
  -M, --max-body-size BYTES longest message that is sent (default: 63000)
      --state_dir DIR       where it is noted which jobs were run (default: /var/lib/push-jobs-client for root)
      --allow_unencrypted   talk to a 1.x server, which does not encrypt
  -l, --log_level LEVEL     debug, info, warn, error or fatal (default: info)
  -L, --logfile FILE        log to a file in place of standard output
      --check-config        read settings, key and certificates, say what they are, and exit
  -h, --help                show this and exit
  -v, --version             show the version and exit

Signals: TERM, INT and QUIT stop the client and what it runs. USR1 fetches the config from the server again.
HUP reads the whitelist again and opens the log file anew; a change of the settings file is seen without it, as
far as the whitelist goes.

Exit codes: 0 stopped; 1 the doctor found a fault; 64 wrong option; 70 fault of the program; 75 another client of
this node runs on this machine; 78 wrong settings, key or certificates, a state folder or log file that cannot be
used, or a 1.x server without --allow_unencrypted. A server that is away or refuses this node does not end the
client: it logs the reason and tries again.
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

/** Reads the arguments after the program's name; the error says which one is wrong. */
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
  const [word, ...more] = positionals;
  if (more.length > 0 || (word !== undefined && word !== 'doctor')) {
    return err(
      new AppError('usage', `'${more[0] ?? word ?? ''}' is not understood; 'doctor' is the one word`),
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
    kind: word ?? (values['check-config'] === true ? 'check' : 'run'),
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
