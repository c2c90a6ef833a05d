import { expect, test } from 'vitest';
import {
  filterJobEnvironment,
  inheritedEnvironment,
  jobFactVariables,
} from '../../../../src/client/domain/job-environment.js';

test('without a list every name is kept but those that could bring in code', () => {
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

test('with a list only its names are kept', () => {
  expect(filterJobEnvironment({ APP: '1', PATH: '/opt', HOME: '/' }, ['PATH'])).toEqual({
    PATH: '/opt',
    CHEF_PUSH_ENV_APP: '1',
    CHEF_PUSH_ENV_HOME: '/',
  });
  expect(filterJobEnvironment({ A: '1' }, [])).toEqual({ CHEF_PUSH_ENV_A: '1' });
});

test('names and values that no environment can hold are left out', () => {
  expect(
    filterJobEnvironment({ '': 'a', 'A=B': 'c', 'A\0': 'd', E: 'f\0', __proto__x: 'g' }, undefined),
  ).toEqual({
    __proto__x: 'g',
  });
});

test('the file is named where there is one', () => {
  const facts = { nodeName: 'web1', jobId: 'j', file: undefined };
  expect(jobFactVariables(facts)).toEqual({ CHEF_PUSH_NODE_NAME: 'web1', CHEF_PUSH_JOB_ID: 'j' });
  expect(jobFactVariables({ ...facts, file: '/f' })).toHaveProperty('CHEF_PUSH_JOB_FILE', '/f');
});

test('what tells a command of its job comes from nowhere else', () => {
  const forged = { CHEF_PUSH_JOB_FILE: '/tmp/mine', CHEF_PUSH_JOB_ID: 'i', CHEF_PUSH_NODE_NAME: 'n' };
  expect(filterJobEnvironment(forged, undefined)).toEqual({});
  expect(filterJobEnvironment(forged, Object.keys(forged))).toEqual({});
  expect(inheritedEnvironment({ ...forged, PATH: '/bin' })).toEqual({ PATH: '/bin' });
});

test('commands inherit the client’s environment, but what the service files set for its memory', () => {
  const env = { PATH: '/bin', MALLOC_ARENA_MAX: '1', MALLOC_CHECK_: '3' };
  expect(inheritedEnvironment(env)).toEqual({ PATH: '/bin', MALLOC_CHECK_: '3' });
});
