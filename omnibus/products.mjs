/** Definitions of the packages: contents and requirements. */

/**
 * @typedef {object} Product
 * @property {string} name of the package, and of its folder below /opt
 * @property {string} summary one line
 * @property {string} description
 * @property {Record<string, string>} programs commands in the package's bin folder, with their compiled main files
 * @property {string[]} started compiled main files that the programs start as processes of their own
 * @property {string} folder below omnibus/, with its scripts
 * @property {{ from: string, to: string, mode?: number, config?: boolean }[]} files further files, from the source
 *   folder to the machine's root; the default mode is 0644; upgrades keep an administrator's changes to a `config` file
 * @property {string[]} folders empty ones, from the machine's root
 * @property {string[]} recommends recommended packages, under names that all distributions use
 * @property {{ name: string, below: string }[]} notWithOlder packages that must have at least this version if they are
 *   installed
 */

/** @type {Record<string, Product>} */
export const PRODUCTS = {
  server: {
    name: 'opscode-push-jobs-server',
    summary: 'Push Jobs server: runs jobs on the nodes of a Chef Server',
    description:
      'The Push Jobs server extends a Chef Server: users start a job for many nodes at once, see it run, and fetch ' +
      'its output. The package contains the program that installs, configures and diagnoses it, ' +
      'opscode-push-jobs-server-ctl, and its own Node.js.',
    programs: {
      'opscode-push-jobs-server-ctl': 'dist/ctl/main.js',
      'push-jobs-server': 'dist/src/server/main.js',
    },
    started: ['dist/src/client/main.js'], // the node of the ctl's smoke test
    folder: 'server',
    folders: [],
    files: [],
    recommends: ['logrotate'], // under systemd; runit's svlogd rotates the log itself
    notWithOlder: [{ name: 'chef-server-core', below: '12.14' }],
  },
  client: {
    name: 'push-jobs-client',
    summary: 'Push Jobs client: the agent on a node of a Chef Server',
    description:
      'The Push Jobs client connects a node to the Push Jobs server and runs those commands on it that its whitelist ' +
      'allows. The package contains its own Node.js.',
    programs: {
      'push-jobs-client': 'dist/src/client/main.js',
      'push-apply': 'dist/src/client/push-apply.js',
      print_execution_environment: 'dist/src/client/print-execution-environment.js',
    },
    started: [],
    folder: 'client',
    folders: ['var/log/push-jobs-client'],
    files: [
      {
        from: 'omnibus/client/push-jobs-client.service',
        to: 'usr/lib/systemd/system/push-jobs-client.service',
      },
      {
        from: 'omnibus/client/push-jobs-client.logrotate',
        to: 'etc/logrotate.d/push-jobs-client',
        config: true,
      },
      ...['run', 'finish', 'log/run'].map((script) => ({
        from: `omnibus/client/runit/${script}`,
        to: `opt/push-jobs-client/runit/${script}`,
        mode: 0o755,
      })),
    ],
    recommends: ['logrotate'], // for the client's own log file (setting log_location)
    notWithOlder: [],
  },
  cli: {
    name: 'push-jobs',
    summary: 'Push Jobs command line: starts jobs on the nodes of a Chef Server',
    description:
      'The command line of Push Jobs is for the workstations of those who start jobs: it runs a command on many nodes ' +
      'of a Chef Server at once, shows the progress, and fetches the output. It uses the credentials of knife. ' +
      'The package contains its own Node.js.',
    programs: { 'push-jobs': 'dist/src/cli/main.js' },
    started: [],
    folder: 'cli',
    folders: [],
    files: [{ from: 'omnibus/cli/completion.bash', to: 'usr/share/bash-completion/completions/push-jobs' }],
    recommends: [],
    notWithOlder: [],
  },
};
