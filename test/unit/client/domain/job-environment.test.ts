import { expect, test } from 'vitest';
import {
  explainRenamed,
  filterJobEnvironment as filter,
  inheritedEnvironment,
  jobIdentityVariables,
} from '../../../../src/client/domain/job-environment.js';
import { VARIABLE_FAMILIES } from '../../../../src/client/domain/variable-families.js';

const listOf = (names: readonly string[] | undefined) =>
  names && { matches: (name: string) => names.includes(name) };

const filterJobEnvironment = (
  env: Record<string, string>,
  allowed: readonly string[] | undefined,
  ignoresCase = false,
) => filter(env, { allowed: listOf(allowed), ignoresCase }).variables;

test('without a list, only variables that programs read for themselves are renamed', () => {
  const env = {
    APP: '1',
    LD_PRELOAD: 'x',
    PATH: '/evil',
    BASH_ENV: 'f',
    NODE_OPTIONS: '-r x',
    'BASH_FUNC_ls%%': '()',
  };
  expect(filterJobEnvironment(env, undefined)).toEqual({
    APP: '1',
    CHEF_PUSH_ENV_LD_PRELOAD: 'x',
    CHEF_PUSH_ENV_PATH: '/evil',
    CHEF_PUSH_ENV_BASH_ENV: 'f',
    CHEF_PUSH_ENV_NODE_OPTIONS: '-r x',
    'CHEF_PUSH_ENV_BASH_FUNC_ls%%': '()',
  });
});

test.each(
  'NODE_PATH OPENSSL_CONF JAVA_TOOL_OPTIONS GEM_PATH GEM_HOME BUNDLE_GEMFILE PYTHONUSERBASE PERLLIB LUA_PATH_5_4 GIT_SSH_COMMAND GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 TAR_OPTIONS APT_CONFIG GIT_TRACE2 GIT_TRACE2_ENV_VARS http_proxy HTTPS_PROXY SSL_CERT_FILE HOME XDG_CONFIG_HOME npm_config_userconfig NPM_TOKEN NODE_V8_COVERAGE SSLKEYLOGFILE CURL_HOME DEBIAN_FRONTEND MAVEN_OPTS GIT_BRANCH JAVA_HOME PYTHONUNBUFFERED TMPDIR'.split(
    ' ',
  ),
)('a job cannot set %s', (name) => {
  expect(filterJobEnvironment({ [name]: 'x' }, undefined)).toEqual({ [`CHEF_PUSH_ENV_${name}`]: 'x' });
  expect(inheritedEnvironment({ [name]: 'x' })).toEqual({ [name]: 'x' }); // the client's own variable stays
});

test.each(
  'test env path MY_PATH LANG LC_ALL TZ TERM DEPLOY_SHELL DEBUG TEXT MANAGER NODENAME SNAPSHOT VERSION APP_ENV deploy.target RELEASE TARGET'.split(
    ' ',
  ),
)('a job may set %s', (name) => {
  expect(filterJobEnvironment({ [name]: 'x' }, undefined)).toEqual({ [name]: 'x' });
});

test('finds names in any case on a system that ignores case', () => {
  const env = { Path: 'x', node_options: 'y', App: 'z', chef_push_job_file: 'f' };
  expect(filterJobEnvironment(env, undefined, true)).toEqual({
    CHEF_PUSH_ENV_Path: 'x',
    CHEF_PUSH_ENV_node_options: 'y',
    App: 'z',
  });
});

test('with a list, all names that are not in it are renamed', () => {
  expect(filterJobEnvironment({ APP: '1', PATH: '/opt', HOME: '/' }, ['PATH'])).toEqual({
    PATH: '/opt',
    CHEF_PUSH_ENV_APP: '1',
    CHEF_PUSH_ENV_HOME: '/',
  });
  expect(filterJobEnvironment({ A: '1' }, [])).toEqual({ CHEF_PUSH_ENV_A: '1' });
});

test('returns the renamed variables', () => {
  const env = { APP: '1', PATH: '/opt', LD_PRELOAD: 'x' };
  expect(filter(env, { allowed: undefined, ignoresCase: false }).renamed).toEqual(['PATH', 'LD_PRELOAD']);
  expect(filter(env, { allowed: listOf(['PATH']), ignoresCase: false }).renamed).toEqual([
    'APP',
    'LD_PRELOAD',
  ]);
});

test('leaves out invalid names and values', () => {
  expect(
    filterJobEnvironment({ '': 'a', 'A=B': 'c', 'A\0': 'd', E: 'f\0', __proto__x: 'g' }, undefined),
  ).toEqual({
    __proto__x: 'g',
  });
});

test('names the job file only if there is one', () => {
  const identity = { nodeName: 'web1', jobId: 'j', file: undefined };
  expect(jobIdentityVariables(identity)).toEqual({ CHEF_PUSH_NODE_NAME: 'web1', CHEF_PUSH_JOB_ID: 'j' });
  expect(jobIdentityVariables({ ...identity, file: '/f' })).toHaveProperty('CHEF_PUSH_JOB_FILE', '/f');
});

test('variables that describe the job come only from the client', () => {
  const forged = { CHEF_PUSH_JOB_FILE: '/tmp/mine', CHEF_PUSH_JOB_ID: 'i', CHEF_PUSH_NODE_NAME: 'n' };
  expect(filterJobEnvironment(forged, undefined)).toEqual({});
  expect(filterJobEnvironment(forged, Object.keys(forged))).toEqual({});
  expect(inheritedEnvironment({ ...forged, PATH: '/bin' })).toEqual({ PATH: '/bin' });
});

test('commands inherit the client’s environment except the memory setting of the service files', () => {
  const env = { PATH: '/bin', MALLOC_ARENA_MAX: '1', MALLOC_CHECK_: '3' };
  expect(inheritedEnvironment(env)).toEqual({ PATH: '/bin', MALLOC_CHECK_: '3' });
});

test('says which variables were renamed, and how the command got them', () => {
  expect(explainRenamed([])).toBeUndefined();
  expect(explainRenamed(['PATH'])).toBe('the job must not set PATH; its command got CHEF_PUSH_ENV_PATH');
  expect(explainRenamed(['PATH', 'HOME'])).toBe(
    'the job must not set PATH, HOME; its command got CHEF_PUSH_ENV_NAME',
  );
  const many = Array.from({ length: 1000 }, () => 'LONG_'.repeat(100));
  expect(explainRenamed(many)).toMatch(/ and 980 others; its command got CHEF_PUSH_ENV_NAME$/);
  expect(explainRenamed(many)!.length).toBeLessThan(1024);
});

test('each family has names and a reason, and no pattern that matches everything', () => {
  for (const { names, reason } of VARIABLE_FAMILIES) {
    expect(reason).not.toBe('');
    for (const name of names.split(' ')) expect(name).toMatch(/^(?=.*\w)\*?\w+\*?$/);
  }
});
