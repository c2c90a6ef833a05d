/**
 * Variables that could make a job run other code than the whitelisted command, grouped by the programs that read them.
 */
const CODE_INJECTION_VARIABLES = [
  // shells and the programs that they start
  'PATH|IFS|ENV|BASH_ENV|BASH_FUNC_.*|SHELL|SHELLOPTS|BASHOPTS|PS4|CDPATH|FPATH|ZDOTDIR|PROMPT_COMMAND',
  'EDITOR|VISUAL|PAGER|BROWSER|LESSOPEN|LESSCLOSE|(?:SSH|SUDO)_ASKPASS|RSYNC_RSH|TAR_OPTIONS|MAKEFLAGS|MAKEFILES',
  // the dynamic loader and the C library, including AIX
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

/** Variables that describe the job to its command. Only the client sets them; a job cannot set one that is absent. */
const JOB_VARIABLES = ['CHEF_PUSH_NODE_NAME', 'CHEF_PUSH_JOB_ID', 'CHEF_PUSH_JOB_FILE'];

/** Prefix of variables that a job must not set under their own names. */
export const RENAMED_PREFIX = 'CHEF_PUSH_ENV_';

/** Which variables a job may set on this machine. */
export interface VariablePolicy {
  /** The names that are passed unchanged; undefined means all but `CODE_INJECTION_VARIABLES`. */
  readonly allowed: readonly string[] | undefined;
  /** Whether `Path` and `PATH` are the same variable, as on Windows. */
  readonly ignoresCase: boolean;
}

/** The variables of a job as its command gets them. */
export interface FilteredEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** Original names of the variables that got the prefix. */
  readonly renamed: readonly string[];
}

/**
 * Filters and renames a job's variables. If `allowed` is set, every other name gets the prefix `CHEF_PUSH_ENV_`. If it
 * is not set, only variables that could inject code get the prefix. Invalid names and values are left out, and so are
 * the variables that describe the job.
 */
export const filterJobEnvironment = (
  env: Readonly<Record<string, string>>,
  { allowed, ignoresCase }: VariablePolicy,
): FilteredEnvironment => {
  const isOneOf = (patterns: readonly string[]): ((name: string) => boolean) => {
    const pattern = new RegExp(`^(?:${patterns.join('|')})$`, ignoresCase ? 'i' : '');
    return (name) => pattern.test(name);
  };
  const describesJob = isOneOf(JOB_VARIABLES);
  const canInjectCode = isOneOf(CODE_INJECTION_VARIABLES);
  const variables: [string, string][] = [];
  const renamed: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0') || describesJob(name)) continue;
    const keepsName = allowed === undefined ? !canInjectCode(name) : allowed.includes(name);
    if (!keepsName) renamed.push(name);
    variables.push([keepsName ? name : RENAMED_PREFIX + name, value]);
  }
  return { variables: Object.fromEntries(variables), renamed };
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
