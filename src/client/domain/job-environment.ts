/** Variables by which a job could have other code run than the whitelisted command, beside whoever reads them. */
const DANGEROUS = [
  // shells, and the programs that they and others call
  'PATH|IFS|ENV|BASH_ENV|BASH_FUNC_.*|SHELL|SHELLOPTS|BASHOPTS|PS4|CDPATH|FPATH|ZDOTDIR|PROMPT_COMMAND',
  'EDITOR|VISUAL|PAGER|BROWSER|LESSOPEN|LESSCLOSE|(?:SSH|SUDO)_ASKPASS|RSYNC_RSH|TAR_OPTIONS|MAKEFLAGS|MAKEFILES',
  // the loader and the C library, here and on AIX
  '(?:LD|DYLD|LDR)_.*|LIBPATH|SHLIB_PATH|GCONV_PATH|LOCPATH|GLIBC_TUNABLES|OPENSSL_(?:CONF|ENGINES|MODULES)',
  'NODE_(?:OPTIONS|PATH)',
  'RUBY(?:OPT|LIB|SHELL)|GEM_(?:HOME|PATH)|BUNDLER?_.*',
  'PERL5?(?:OPT|LIB|DB)|PERL5SHELL',
  'PYTHON(?:PATH|HOME|STARTUP|USERBASE|INSPECT|BREAKPOINT|EXECUTABLE|PLATLIBDIR|PYCACHEPREFIX|WARNINGS)',
  'JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH',
  'GIT_(?:SSH|SSH_COMMAND|CONFIG|CONFIG_.*|EXEC_PATH|ASKPASS|PAGER|EDITOR|SEQUENCE_EDITOR|EXTERNAL_DIFF|PROXY_COMMAND)',
  'GIT_(?:DIR|COMMON_DIR|TEMPLATE_DIR)',
  'LUA_(?:C?PATH|INIT)(?:_\\d+_\\d+)?|PHPRC|PHP_INI_SCAN_DIR|TCLLIBPATH|R_(?:PROFILE|PROFILE_USER|LIBS.*)|ERL_(?:LIBS|[AZ]?FLAGS)',
  'DOTNET_STARTUP_HOOKS|DOTNET_ADDITIONAL_DEPS|(?:CORECLR|COR)_.*PROFIL.*',
  'PATHEXT|COMSPEC|PSMODULEPATH|SYSTEMROOT|WINDIR', // Windows
];

/** Variables by which a command learns of its job; they are ours alone, also where one of them has nothing to say. */
const OF_THE_JOB = ['CHEF_PUSH_NODE_NAME', 'CHEF_PUSH_JOB_ID', 'CHEF_PUSH_JOB_FILE'];

/** Under this prefix come the variables that a job must not set by their own names. */
export const RENAMED_PREFIX = 'CHEF_PUSH_ENV_';

/** What the variables of jobs must keep to on this machine. */
export interface VariableRules {
  /** The names that keep theirs; undefined where that is left to us. */
  readonly allowed: readonly string[] | undefined;
  /** Whether `Path` is `PATH`, as on Windows. */
  readonly ignoresCase: boolean;
}

/** A job's variables as they reach its command. */
export interface FilteredEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** The names that got the prefix. */
  readonly renamed: readonly string[];
}

/**
 * Makes a job's variables what may reach its command. Where `allowed` is set, every other name gets the prefix
 * `CHEF_PUSH_ENV_`; where it is not, only those do that could bring in code (`PATH`, `LD_PRELOAD` and such). A name
 * that no environment can hold is left out, and so are those by which a command learns of its job.
 */
export const filterJobEnvironment = (
  env: Readonly<Record<string, string>>,
  { allowed, ignoresCase }: VariableRules,
): FilteredEnvironment => {
  const isOneOf = (patterns: readonly string[]): ((name: string) => boolean) => {
    const pattern = new RegExp(`^(?:${patterns.join('|')})$`, ignoresCase ? 'i' : '');
    return (name) => pattern.test(name);
  };
  const isOfTheJob = isOneOf(OF_THE_JOB);
  const isDangerous = isOneOf(DANGEROUS);
  const variables: [string, string][] = [];
  const renamed: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0') || isOfTheJob(name)) continue;
    const keepsName = allowed === undefined ? !isDangerous(name) : allowed.includes(name);
    if (!keepsName) renamed.push(name);
    variables.push([keepsName ? name : RENAMED_PREFIX + name, value]);
  }
  return { variables: Object.fromEntries(variables), renamed };
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
