import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommandContext } from '../../../../../ctl/command-context.js';
import { ChefServerApi } from '../../../../../ctl/lib/chef-server/chef-server-api.js';
import { Installation } from '../../../../../ctl/lib/installation.js';
import { type Signer, withThrowAwayClient } from '../../../../../ctl/lib/smoke/throw-away-client.js';
import { messageOf } from '../../../../../src/shared/lib/app-error.js';
import { DevChefServer } from '../../../../dev-chef-server/dev-chef-server.js';
import { makePrivateKey } from '../../../../dev-chef-server/key-pair.js';
import { CtlUnderTest } from '../../../../support/ctl-under-test.js';
import { freePort } from '../../../../support/free-port.js';

const under = new CtlUnderTest();
let superuserKey: string;
let chef: DevChefServer;
let api: ChefServerApi;
const said: string[] = [];

/** The API as the program creates it on a machine with these settings. */
const apiOf = (rootUrl: string, key = superuserKey): ChefServerApi => {
  under.writeSettings(`opscode_pushy_server['server_name_advertised'] = '127.0.0.1'
chef_server['root_url'] = '${rootUrl}'`);
  under.write('/etc/opscode/pivotal.pem', key, 0o600);
  const context = new CommandContext(under.environment(), under.root);
  return new ChefServerApi(new Installation(context, { superuserPassword: undefined }));
};

beforeAll(async () => {
  superuserKey = await makePrivateKey();
});
beforeEach(async () => {
  chef = await DevChefServer.start({ superuserKey });
  chef.createOrganization('acme');
  await chef.createUser('alice', { orgs: ['acme'], admin: true, privateKey: superuserKey });
  await chef.createClient('acme', 'robot', { privateKey: superuserKey });
  chef.setGroup('acme', 'admins', {
    users: ['alice', 'pivotal'],
    clients: ['robot'],
    groups: ['billing-admins'],
  });
  api = apiOf(chef.url);
  said.length = 0;
});
afterEach(async () => {
  await api.close();
  await chef.stop();
});
afterAll(() => under.remove());

const group = (name: string) => chef.state.organizations.get('acme')?.groups.get(name);
const clients = (): string[] => [...(chef.state.organizations.get('acme')?.clients.keys() ?? [])];
const withClient = (work: (client: Signer) => Promise<void>, startsJobs = true): Promise<void> =>
  withThrowAwayClient(api, { org: 'acme', startsJobs, print: (text) => said.push(text) }, work);
const failure = (work: Promise<void>): Promise<string> => work.then(() => '', messageOf);
const nothing = (): Promise<void> => Promise.resolve();

describe('a throw-away client', () => {
  it('can sign and is an administrator during the work; it was announced before and is deleted afterwards', async () => {
    const before = structuredClone(group('admins'));
    await withClient(async ({ name, key }) => {
      expect(name).toMatch(/^push-jobs-test-[0-9a-f]{16}$/);
      expect(said.join()).toContain(`creating the client ${name} in the organization acme`);
      expect(key).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
      expect(group('admins')).toEqual({ ...before, clients: ['robot', name] });
      await nothing();
    });
    expect(group('admins')).toEqual(before);
    expect(clients()).toEqual(['robot']);
  });

  it('joins only the groups that may start and read jobs, if they exist', async () => {
    chef.setGroup('acme', 'pushy_job_writers', { users: ['alice'] });
    chef.setGroup('acme', 'pushy_job_readers', { groups: ['users'] });
    await withClient(async ({ name }) => {
      expect(group('pushy_job_writers')).toEqual({ users: ['alice'], clients: [name], groups: [] });
      expect(group('pushy_job_readers')).toEqual({ users: [], clients: [name], groups: ['users'] });
      expect(group('admins')?.clients).toEqual(['robot']);
      await nothing();
    });
    expect(group('pushy_job_writers')).toEqual({ users: ['alice'], clients: [], groups: [] });
    expect(group('pushy_job_readers')).toEqual({ users: [], clients: [], groups: ['users'] });
  });

  it('joins no group if it is only a node', async () => {
    await withClient(async () => {
      expect(group('admins')?.clients).toEqual(['robot']);
      await nothing();
    }, false);
    expect(clients()).toEqual(['robot']);
  });

  it('keeps changes of its groups that others make meanwhile', async () => {
    await withClient(async ({ name }) => {
      chef.setGroup('acme', 'admins', { users: ['alice'], clients: [name, 'robot'], groups: ['users'] });
      await nothing();
    });
    expect(group('admins')).toEqual({ users: ['alice'], clients: ['robot'], groups: ['users'] });
  });

  it('is deleted after work that failed, which the error reports', async () => {
    const text = await failure(withClient(() => Promise.reject(new Error('the job went wrong'))));
    expect(text).toBe('the job went wrong');
    expect(clients()).toEqual(['robot']);
  });
});

describe('a Chef Server that fails', () => {
  it('to respond after it created the client: the client is deleted anyway', async () => {
    chef.faults.add({ method: 'POST', on: /clients/, closeAfter: true });
    const text = await failure(withClient(nothing));
    expect(text).toMatch(
      /^the Chef Server does not respond \(.*\): is it running, and is chef_server\['root_url'\] right\?$/,
    );
    expect(clients()).toEqual(['robot']);
  });

  it('to change the group: the error reports it, and the client is deleted', async () => {
    chef.faults.add({ method: 'PUT', on: /groups\/admins/, status: 403 });
    const text = await failure(withClient(nothing));
    expect(text).toMatch(
      /^the Chef Server does not allow pivotal to do this \(PUT .*\/groups\/admins: 403: /,
    );
    expect(text).not.toContain('LEFT BEHIND');
    expect(clients()).toEqual(['robot']);
  });

  it('to respond after it changed the group: the client is removed from it', async () => {
    chef.faults.add({ method: 'PUT', on: /groups\/admins/, closeAfter: true, times: 1 });
    expect(await failure(withClient(nothing))).toContain('does not respond');
    expect(group('admins')?.clients).toEqual(['robot']);
    expect(clients()).toEqual(['robot']);
  });

  it('once during the clean-up: the second try succeeds', async () => {
    const text = await failure(
      withClient(async () => {
        chef.faults.add({ method: 'PUT', status: 500, times: 1 });
        chef.faults.add({ method: 'DELETE', status: 503, times: 1 });
        await nothing();
      }),
    );
    expect(text).toBe('');
    expect(group('admins')?.clients).toEqual(['robot']);
    expect(clients()).toEqual(['robot']);
  });

  it('during the clean-up: the error names what is left behind, with the commands that remove it', async () => {
    let left = '';
    const text = await failure(
      withClient(({ name }) => {
        left = name;
        chef.faults.add({ method: 'PUT', status: 500 });
        chef.faults.add({ method: 'DELETE', status: 503 });
        return Promise.reject(new Error('the job went wrong'));
      }),
    );
    const where = `--server-url ${chef.url}/organizations/acme`;
    expect(text).toMatch(/^the job went wrong\n/);
    expect(text).toMatch(/LEFT BEHIND on the Chef Server, because the Chef Server has an internal error; /);
    expect(text).toContain(`Remove it by hand: knife group remove client ${left} admins ${where}`);
    expect(text).toContain(`Remove it by hand: knife client delete ${left} --yes ${where}`);
  });
});

describe('an unusable Chef Server', () => {
  it('has no such organization: the error names those that it has', async () => {
    chef.createOrganization('other');
    expect(await failure(api.requireOrganization('nowhere'))).toBe(
      "the Chef Server has no organization 'nowhere'; it has acme, other",
    );
    expect(await failure(api.requireOrganization('acme'))).toBe('');
  });

  it('does not accept the key of the superuser', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const stranger = apiOf(chef.url, privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
    expect(await failure(stranger.requireOrganization('acme'))).toMatch(
      /^the Chef Server does not accept the key of pivotal: replace ours by the key that it knows \(GET .*: 401: /,
    );
    await stranger.close();
  });

  it('is too old', async () => {
    const old = await DevChefServer.start({ superuserKey, withoutApiVersions: true });
    const asked = apiOf(old.url);
    expect(await failure(asked.requireOrganization('acme'))).toContain(
      'not a Chef Server of version 12.14 or newer',
    );
    await asked.close();
    await old.stop();
  });

  it('is unreachable', async () => {
    const asked = apiOf(`http://127.0.0.1:${await freePort()}`);
    expect(await failure(asked.requireOrganization('acme'))).toContain('is it running');
    await asked.close();
  });

  it('has an invalid key: the error names its file', () => {
    expect(() => apiOf(chef.url, 'no key')).toThrow(
      /is not a private key in PEM; put the right one into .*pivotal\.pem/,
    );
  });
});
