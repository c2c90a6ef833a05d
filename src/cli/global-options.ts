import type { Argv } from 'yargs';
import { type Format, FORMATS } from './output/document.js';

/** The options of every command. */
export interface GlobalOptions {
  readonly profile: string | undefined;
  readonly serverUrl: string | undefined;
  readonly org: string | undefined;
  readonly user: string | undefined;
  readonly key: string | undefined;
  readonly format: Format;
  readonly quiet: boolean;
}

const DEFAULTS: { readonly format: Format } = { format: 'summary' };

/** Declares the options of every command. */
export const addGlobalOptions = (yargs: Argv) =>
  yargs
    .option('profile', {
      type: 'string',
      requiresArg: true,
      describe:
        'Profile in ~/.chef/credentials (default: from CHEF_PROFILE, KNIFE_PROFILE or ~/.chef/context, else "default")',
    })
    .option('server-url', {
      type: 'string',
      requiresArg: true,
      describe: 'URL of the Chef Server, for example https://chef.example.com/organizations/ORG',
    })
    .option('org', {
      type: 'string',
      requiresArg: true,
      describe: 'Organization to use instead of the one in the server URL',
    })
    .option('user', { type: 'string', requiresArg: true, describe: 'Name of the Chef user' })
    .option('key', { type: 'string', requiresArg: true, describe: 'File with the private key of the user' })
    .option('format', {
      choices: FORMATS,
      default: DEFAULTS.format,
      describe: 'Output format: text (summary) or a document for programs (json, yaml)',
    })
    .option('quiet', {
      type: 'boolean',
      default: false,
      describe: 'Print only the result; for lists and with --nowait, only the IDs or names',
    });

/** A parser with the global options, on which commands are declared. */
export type GlobalArgv = ReturnType<typeof addGlobalOptions>;
