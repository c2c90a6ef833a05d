import type { Argv } from 'yargs';
import { type Format, FORMATS } from './output/document.js';

/** The options that every command has. */
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

/** Declares the options that every command has. */
export const addGlobalOptions = (yargs: Argv) =>
  yargs
    .option('profile', {
      type: 'string',
      requiresArg: true,
      describe: 'Profile of ~/.chef/credentials (also: CHEF_PROFILE, KNIFE_PROFILE, ~/.chef/context)',
    })
    .option('server-url', {
      type: 'string',
      requiresArg: true,
      describe: 'Like https://chef.example.com/organizations/ORG',
    })
    .option('org', {
      type: 'string',
      requiresArg: true,
      describe: 'Another organization of that server than the address names',
    })
    .option('user', { type: 'string', requiresArg: true, describe: 'Name of the Chef user' })
    .option('key', { type: 'string', requiresArg: true, describe: 'File with the private key of the user' })
    .option('format', {
      choices: FORMATS,
      default: DEFAULTS.format,
      describe: 'Text for people, or a document for programs',
    })
    .option('quiet', {
      type: 'boolean',
      default: false,
      describe: 'Print the result alone; of lists and of --nowait the ids or names alone',
    });

/** A parser that knows them; commands are declared on it. */
export type GlobalArgv = ReturnType<typeof addGlobalOptions>;
