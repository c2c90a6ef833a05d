/** Variables by which a job could run other code than the whitelisted command. */
const DANGEROUS =
  /^(?:PATH|IFS|ENV|BASH_ENV|BASH_FUNC_.*|SHELLOPTS|BASHOPTS|PS4|CDPATH|(?:LD|DYLD)_.*|GCONV_PATH|NODE_OPTIONS|RUBY(?:OPT|LIB)|PERL5?(?:OPT|LIB|DB)|PYTHON(?:PATH|HOME|STARTUP))$/;

/** Variables by which a command learns of its job; they are ours alone, also where one of them has nothing to say. */
const OF_THE_JOB = ['CHEF_PUSH_NODE_NAME', 'CHEF_PUSH_JOB_ID', 'CHEF_PUSH_JOB_FILE'];

/** Under this prefix come the variables that a job must not set by their own names. */
export const RENAMED_PREFIX = 'CHEF_PUSH_ENV_';

/**
 * A job's variables as they reach its command. Where `allowed` is set, every other name gets the prefix
 * `CHEF_PUSH_ENV_`; where it is not, only those do that could bring in code (`PATH`, `LD_PRELOAD` and such). A name
 * that no environment can hold is left out, and so are those by which a command learns of its job.
 */
export const filterJobEnvironment = (
  env: Readonly<Record<string, string>>,
  allowed: readonly string[] | undefined,
): Record<string, string> => {
  const filtered: [string, string][] = [];
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0') || OF_THE_JOB.includes(name)) continue;
    const keepsName = allowed === undefined ? !DANGEROUS.test(name) : allowed.includes(name);
    filtered.push([keepsName ? name : RENAMED_PREFIX + name, value]);
  }
  return Object.fromEntries(filtered);
};

/** Variables that the service files set for the client alone: for its memory, which no command is to share. */
const OF_THE_CLIENT = ['MALLOC_ARENA_MAX'];

/** The client's own environment as far as commands inherit it; it may itself have been started by a job. */
export const inheritedEnvironment = (env: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => !OF_THE_CLIENT.includes(name) && !OF_THE_JOB.includes(name)),
  );

/** What a job's command is told of its job. */
export interface JobFacts {
  readonly nodeName: string;
  readonly jobId: string;
  /** Path of the file that came with the job. */
  readonly file: string | undefined;
}

/** The variables by which a command learns of its job. */
export const jobFactVariables = ({ nodeName, jobId, file }: JobFacts): Record<string, string> => ({
  CHEF_PUSH_NODE_NAME: nodeName,
  CHEF_PUSH_JOB_ID: jobId,
  ...(file === undefined ? {} : { CHEF_PUSH_JOB_FILE: file }),
});

/**
 * The variables (`NAME=value`) that mark all that a job starts on this node. The node's name is one of them: several
 * nodes may be one machine, and all of them run the job under its one id.
 */
export const jobMarks = ({ nodeName, jobId }: Pick<JobFacts, 'nodeName' | 'jobId'>): string[] =>
  Object.entries(jobFactVariables({ nodeName, jobId, file: undefined })).map((pair) => pair.join('='));
