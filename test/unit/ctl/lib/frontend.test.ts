import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunProgram } from '../../../../ctl/lib/run-program.js';
import { CtlUnderTest } from '../../../support/ctl-under-test.js';

const ADD_ONS = '/var/opt/opscode/nginx/etc/addon.d';

/** The error that `nginx -t` reports; empty if there is none. */
let fault = '';
const asked: string[] = [];

/** A double of nginx and of the runit that supervises nginx. */
const run: RunProgram = (program, args) => {
  asked.push(args.join(' '));
  if (args.includes('-t')) return Promise.resolve({ code: fault === '' ? 0 : 1, stdout: '', stderr: fault });
  const isStatus = program.endsWith('/sv') && args.includes('status');
  return Promise.resolve({ code: 0, stdout: isStatus ? 'run: nginx: (pid 1) 1s' : '', stderr: '' });
};

const under = new CtlUnderTest({ run });
const backend = createServer((_request, response) => response.end('{"status":"it\'s alive"}'));

beforeAll(async () => {
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  mkdirSync(under.path('/opt/opscode/service'), { recursive: true });
  mkdirSync(under.path(ADD_ONS), { recursive: true });
  under.write('/etc/opscode/private-chef-secrets.json', '{}', 0o600);
  under.write(
    '/etc/opscode/chef-server-running.json',
    JSON.stringify({
      private_chef: {
        topology: 'tier',
        role: 'frontend',
        backend_vips: { ipaddress: '127.0.0.1' },
        lb: { api_fqdn: 'chef.example.com' },
        user: { username: userInfo().username },
      },
    }),
  );
  under.writeSettings(`opscode_pushy_server['api_port'] = ${(backend.address() as AddressInfo).port}
opscode_pushy_server['listen'] = '192.0.2.1'`);
});
afterAll(() => {
  backend.close();
  under.remove();
});

describe('a frontend', () => {
  it('gets the route to the backend and no service, secrets or database', async () => {
    const { code, stdout, stderr } = await under.run('reconfigure');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('[3/8] database: up to date');
    const { port } = backend.address() as AddressInfo;
    expect(readFileSync(under.path(`${ADD_ONS}/10-push_jobs_upstreams.conf`), 'utf8')).toContain(
      `server 127.0.0.1:${port};`,
    );
    expect(existsSync(under.path('/opt/opscode/sv/opscode-pushy-server'))).toBe(false);
    expect(readFileSync(under.path('/etc/opscode/private-chef-secrets.json'), 'utf8')).toBe('{}');
    expect((await under.run('reconfigure')).stdout).toContain('Nothing had to be changed.');
  });

  it('reloads nginx only with a valid configuration, also if an earlier run ended before the reload', async () => {
    rmSync(under.path('/var/opt/opscode-push-jobs-server/etc/applied.json')); // as if the run had ended before the reload
    fault = 'unknown directive "nonsense"';
    asked.length = 0;
    const { code, stderr } = await under.run('reconfigure');
    expect(code).toBe(1);
    expect(stderr).toMatch(/"nginx route" failed: nginx was not reloaded, because .*"nonsense"/);
    expect(asked).not.toContain('hup nginx');
    fault = '';
    expect((await under.run('reconfigure')).stdout).toContain('reloaded nginx');
  });

  it('has nothing to upgrade', async () => {
    expect(await under.run('upgrade', '--check')).toMatchObject({
      code: 0,
      stdout: 'Everything is up to date.\n',
    });
  });

  it.each(['rotate-keys', 'generate-keys'])(
    'rejects %s, because no node would use the keys',
    async (command) => {
      const { code, stderr } = await under.run(command);
      expect(code).toBe(1);
      expect(stderr).toMatch(/does not run the service \(it is a frontend\).* Nothing was changed/);
      expect(readFileSync(under.path('/etc/opscode/private-chef-secrets.json'), 'utf8')).toBe('{}');
    },
  );

  it('gets no finding of doctor about secrets and database', async () => {
    const { stdout } = await under.run('doctor');
    expect(stdout).toMatch(/^ok {6}settings: this machine does not run the service$/m);
    expect(stdout).not.toMatch(/ (secrets|database): /);
  });

  it('tests the server on the backend', async () => {
    const { stdout } = await under.run('test');
    expect(stdout).toMatch(/^ok {6}the server responds$/m);
    expect(stdout).not.toContain('the database');
  });
});

it('generates no keys if Chef Server has no secrets file', async () => {
  const old = new CtlUnderTest();
  old.write('/etc/opscode/chef-server-running.json', JSON.stringify({ private_chef: {} }));
  expect((await old.run('generate-keys')).stderr).toMatch(
    /private-chef-secrets.json is missing: Chef Server 12.14/,
  );
  expect(existsSync(old.path('/etc/opscode/private-chef-secrets.json'))).toBe(false);
  old.remove();
});

it('generates no keys on a machine whose service is disabled', async () => {
  const off = new CtlUnderTest();
  off.writeSettings(`opscode_pushy_server['enable'] = false`);
  expect((await off.run('generate-keys')).stderr).toContain("opscode_pushy_server['enable'] is false");
  off.remove();
});
