import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CommandContext } from '../../../../../ctl/command-context.js';
import { ChefServerApi } from '../../../../../ctl/lib/chef-server/chef-server-api.js';
import { Installation } from '../../../../../ctl/lib/installation.js';
import { type Signatory, withThrowAwayClient } from '../../../../../ctl/lib/smoke/throw-away-client.js';
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

/** The API as the program gets it on a machine whose settings say this. */
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
const withClient = (work: (client: Signatory) => Promise<void>, startsJobs = true): Promise<void> =>
  withThrowAwayClient(api, { org: 'acme', startsJobs, say: (text) => said.push(text) }, work);
const failure = (work: Promise<void>): Promise<string> => work.then(() => '', messageOf);
const nothing = (): Promise<void> => Promise.resolve();

describe('a throw-away client', () => {
  it('can sign, is an administrator for the time of the work, and gone afterwards, as its name was told before', async () => {
    const before = structuredClone(group('admins'));
    await withClient(async ({ name, key }) => {
      expect(name).toMatch(/^push-jobs-test-[0-9a-f]{16}$/);
      expect(said.join()).toContain(`making the client ${name} in the organization acme`);
      expect(key).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
      expect(group('admins')).toEqual({ ...before, clients: ['robot', name] });
      await nothing();
    });
    expect(group('admins')).toEqual(before);
    expect(clients()).toEqual(['robot']);
  });

  it('joins those who may start jobs and see them, where there are such groups, and no others', async () => {
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

  it('that is only to be a node joins no group', async () => {
    await withClient(async () => {
      expect(group('admins')?.clients).toEqual(['robot']);
      await nothing();
    }, false);
    expect(clients()).toEqual(['robot']);
  });

  it('takes nobody out of its groups who joined or left meanwhile', async () => {
    await withClient(async ({ name }) => {
      chef.setGroup('acme', 'admins', { users: ['alice'], clients: [name, 'robot'], groups: ['users'] });
      await nothing();
    });
    expect(group('admins')).toEqual({ users: ['alice'], clients: ['robot'], groups: ['users'] });
  });

  it('is gone after work that failed, of which the error tells', async () => {
    const text = await failure(withClient(() => Promise.reject(new Error('the job went wrong'))));
    expect(text).toBe('the job went wrong');
    expect(clients()).toEqual(['robot']);
  });
});

describe('a Chef Server that fails', () => {
  it('to answer when the client was made: it is removed all the same', async () => {
    chef.faults.add({ method: 'POST', on: /clients/, closeAfter: true });
    const text = await failure(withClient(nothing));
    expect(text).toMatch(
      /^the Chef Server does not answer \(.*\): is it running, and is chef_server\['root_url'\] right\?$/,
    );
    expect(clients()).toEqual(['robot']);
  });

  it('to change the group: that is said, and the client removed', async () => {
    chef.faults.add({ method: 'PUT', on: /groups\/admins/, status: 403 });
    const text = await failure(withClient(nothing));
    expect(text).toMatch(
      /^the Chef Server does not let pivotal do this \(PUT .*\/groups\/admins answers 403: /,
    );
    expect(text).not.toContain('LEFT BEHIND');
    expect(clients()).toEqual(['robot']);
  });

  it('to answer when the group was changed: the client is taken out of it', async () => {
    chef.faults.add({ method: 'PUT', on: /groups\/admins/, closeAfter: true, times: 1 });
    expect(await failure(withClient(nothing))).toContain('does not answer');
    expect(group('admins')?.clients).toEqual(['robot']);
    expect(clients()).toEqual(['robot']);
  });

  it('once while things are removed: they are in the end', async () => {
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

  it('while things are removed: what is left behind is said beside what went wrong, with the commands that remove it', async () => {
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
    expect(text).toMatch(/LEFT BEHIND on the Chef Server, since the Chef Server is in trouble: /);
    expect(text).toContain(`Remove it by hand: knife group remove client ${left} admins ${where}`);
    expect(text).toContain(`Remove it by hand: knife client delete ${left} --yes ${where}`);
  });
});

describe('a Chef Server that is not as it should be', () => {
  it('has no such organization: those that it has are named', async () => {
    chef.createOrganization('other');
    expect(await failure(api.requireOrganization('nowhere'))).toBe(
      "there is no organization 'nowhere' on the Chef Server; there is acme, other",
    );
    expect(await failure(api.requireOrganization('acme'))).toBe('');
  });

  it('does not take the key of the superuser', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const stranger = apiOf(chef.url, privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
    expect(await failure(stranger.requireOrganization('acme'))).toMatch(
      /^the Chef Server does not take the key of pivotal: put the key that it knows in place of ours \(GET .* answers 401: /,
    );
    await stranger.close();
  });

  it('is too old', async () => {
    const old = await DevChefServer.start({ superuserKey, withoutApiVersions: true });
    const asked = apiOf(old.url);
    expect(await failure(asked.requireOrganization('acme'))).toContain('no Chef Server of 12.14 or newer');
    await asked.close();
    await old.stop();
  });

  it('is away', async () => {
    const asked = apiOf(`http://127.0.0.1:${await freePort()}`);
    expect(await failure(asked.requireOrganization('acme'))).toContain('is it running');
    await asked.close();
  });

  it('has a key that is none: the file that should have it is named', () => {
    expect(() => apiOf(chef.url, 'no key')).toThrow(
      /is not a private key in PEM; put the right one into .*pivotal\.pem/,
    );
  });
});
