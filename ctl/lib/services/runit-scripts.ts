import type { ServiceDefinition } from './supervisor.js';

const HEAD = '#!/bin/sh\n# Made by opscode-push-jobs-server-ctl reconfigure, which overwrites it.\n';

/** A word of a shell command line. */
const word = (text: string): string =>
  /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

const asUser = ({ switchTo, userName }: ServiceDefinition, tool: (name: string) => string): string =>
  switchTo === undefined ? '' : `${word(tool('chpst'))} -u ${word(userName)} `;

/** The service's `run`; it may open as many files as the machine allows, since each node is a connection. */
export const runScript = (service: ServiceDefinition, tool: (name: string) => string): string =>
  `${HEAD}exec 2>&1\nulimit -n "$(ulimit -Hn)"\nexec ${asUser(service, tool)}${service.command.map(word).join(' ')}\n`;

/** The logger's `run`. */
export const svlogdScript = (service: ServiceDefinition, tool: (name: string) => string): string =>
  `${HEAD}exec ${asUser(service, tool)}${word(tool('svlogd'))} ${word(service.logs)}\n`;

/** svlogd's `config`: how large a log file grows and how many stay. */
export const svlogdConfig = ({ logRotation }: ServiceDefinition): string =>
  `s${logRotation.file_maxbytes}\nn${logRotation.num_to_keep}\n`;

/**
 * A file of the name `down` in a service's folder keeps a runit that takes it up from starting it at once. This one is
 * told by its text from an administrator's, which stays.
 */
export const NOT_YET =
  'opscode-push-jobs-server-ctl reconfigure starts the service, once all is ready for it\n';
