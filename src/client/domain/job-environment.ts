import { VARIABLE_FAMILIES } from './variable-families.js';

/** Variables that describe the job to its command. Only the client sets them; a job cannot set one that is absent. */
const JOB_VARIABLES = ['CHEF_PUSH_NODE_NAME', 'CHEF_PUSH_JOB_ID', 'CHEF_PUSH_JOB_FILE'];

/** Prefix of variables that a job must not set under their own names. */
export const RENAMED_PREFIX = 'CHEF_PUSH_ENV_';

/** Names of variables; `*` stands for any text. */
export interface NamePatterns {
  readonly texts: readonly string[];
  readonly matches: (name: string) => boolean;
}

/** Which variables a job may set on this machine. */
export interface VariablePolicy {
  /** The names that are passed unchanged; undefined means all but `VARIABLE_FAMILIES`. */
  readonly allowed: Pick<NamePatterns, 'matches'> | undefined;
  /** Whether `Path` and `PATH` are the same variable, as on Windows. */
  readonly ignoresCase: boolean;
}

/** The variables of a job as its command gets them. */
export interface FilteredEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** Original names of the variables that got the prefix. */
  readonly renamed: readonly string[];
}

/** Shells export functions under names with other characters, and run them. */
const PLAIN_NAME = /^[A-Za-z_][\w.-]*$/;

const familiesExpression = (flags: string): RegExp => {
  const patterns = VARIABLE_FAMILIES.flatMap(({ names }) => names.split(' '));
  return new RegExp(`^(?:${patterns.map((pattern) => pattern.replaceAll('*', '.*')).join('|')})$`, flags);
};
const FAMILIES = familiesExpression('s');
const FAMILIES_IN_ANY_CASE = familiesExpression('si');

/**
 * Filters and renames a job's variables. If `allowed` is set, every other name gets the prefix `CHEF_PUSH_ENV_`. If it
 * is not set, only variables that programs read for themselves get the prefix. Invalid names and values are left out,
 * and so are the variables that describe the job.
 */
export const filterJobEnvironment = (
  env: Readonly<Record<string, string>>,
  { allowed, ignoresCase }: VariablePolicy,
): FilteredEnvironment => {
  const families = ignoresCase ? FAMILIES_IN_ANY_CASE : FAMILIES;
  const variables: [string, string][] = [];
  const renamed: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0') || describesJob(name, ignoresCase))
      continue;
    const keepsName = allowed?.matches(name) ?? (PLAIN_NAME.test(name) && !families.test(name));
    if (!keepsName) renamed.push(name);
    variables.push([keepsName ? name : RENAMED_PREFIX + name, value]);
  }
  return { variables: Object.fromEntries(variables), renamed };
};

const describesJob = (name: string, ignoresCase: boolean): boolean =>
  JOB_VARIABLES.includes(ignoresCase ? name.toUpperCase() : name);

/** Maximum number of names in the text about renamed variables. */
const MAX_SHOWN_NAMES = 20;
const MAX_SHOWN_NAME_LENGTH = 40;

/** Tells users which variables of their job its command got under other names; undefined if there are none. */
export const explainRenamed = (renamed: readonly string[]): string | undefined => {
  if (renamed.length === 0) return undefined;
  const shown = renamed.slice(0, MAX_SHOWN_NAMES).map((name) => name.slice(0, MAX_SHOWN_NAME_LENGTH));
  const more = renamed.length > shown.length ? ` and ${renamed.length - shown.length} others` : '';
  return `the job must not set ${shown.join(', ')}${more}; its command got ${RENAMED_PREFIX}${renamed.length === 1 ? (shown[0] ?? '') : 'NAME'}`;
};

/** Variables that the service files set to save memory in the client; commands must not inherit them. */
const CLIENT_ONLY_VARIABLES = ['MALLOC_ARENA_MAX'];

/**
 * Returns the part of the client's own environment that commands inherit. It drops job variables too, because a job may
 * have started the client.
 */
export const inheritedEnvironment = (env: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !CLIENT_ONLY_VARIABLES.includes(name) && !JOB_VARIABLES.includes(name),
    ),
  );

/** What a command learns about its job. */
export interface JobIdentity {
  readonly nodeName: string;
  readonly jobId: string;
  /** Path of the job's file. */
  readonly file: string | undefined;
}

/** Returns the variables that describe the job to its command. */
export const jobIdentityVariables = ({ nodeName, jobId, file }: JobIdentity): Record<string, string> => ({
  CHEF_PUSH_NODE_NAME: nodeName,
  CHEF_PUSH_JOB_ID: jobId,
  ...(file === undefined ? {} : { CHEF_PUSH_JOB_FILE: file }),
});

/**
 * Returns the variables (`NAME=value`) that identify all processes of a job on this node. They include the node's name,
 * because several nodes on one machine may run the same job.
 */
export const jobMarkers = ({ nodeName, jobId }: Pick<JobIdentity, 'nodeName' | 'jobId'>): string[] =>
  Object.entries(jobIdentityVariables({ nodeName, jobId, file: undefined })).map((pair) => pair.join('='));
