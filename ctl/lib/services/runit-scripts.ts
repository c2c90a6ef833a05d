import type { ServiceDefinition } from './service-supervisor.js';

const HEAD = '#!/bin/sh\n# Made by opscode-push-jobs-server-ctl reconfigure, which overwrites it.\n';

/** Quotes a word of a shell command line. */
const quote = (text: string): string =>
  /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

const asUser = ({ switchTo, userName }: ServiceDefinition, tool: (name: string) => string): string =>
  switchTo === undefined ? '' : `${quote(tool('chpst'))} -u ${quote(userName)} `;

/** The service's `run`. It raises the limit of open files, because each node is a connection. */
export const runScript = (service: ServiceDefinition, tool: (name: string) => string): string =>
  `${HEAD}exec 2>&1\nulimit -n "$(ulimit -Hn)"\nexec ${asUser(service, tool)}${service.command.map(quote).join(' ')}\n`;

/** The logger's `run`. */
export const svlogdScript = (service: ServiceDefinition, tool: (name: string) => string): string =>
  `${HEAD}exec ${asUser(service, tool)}${quote(tool('svlogd'))} ${quote(service.logs)}\n`;

/** svlogd's `config`: how large a log file grows and how many stay. */
export const svlogdConfig = ({ logRotation }: ServiceDefinition): string =>
  `s${logRotation.file_maxbytes}\nn${logRotation.num_to_keep}\n`;

/**
 * Text of our `down` file. A `down` file in a service's folder prevents that runit starts a new service at once. The
 * text tells ours from an administrator's file, which stays.
 */
export const OUR_DOWN_FILE =
  'opscode-push-jobs-server-ctl reconfigure starts the service, once all is ready for it\n';
