import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunProgram } from '../../../../ctl/lib/run-program.js';
import { CtlUnderTest } from '../../../support/ctl-under-test.js';
import { freePort } from '../../../support/free-port.js';

/** A double of systemctl whose service always runs. */
const run: RunProgram = () =>
  Promise.resolve({ code: 0, stdout: 'LoadState=loaded\nActiveState=active\nMainPID=42\n', stderr: '' });

const under = new CtlUnderTest({ run });
let server: Server;
let health = { live: true, ready: true, reasons: [] as string[] };

const settings = (port: number): string => `opscode_pushy_server['server_name_advertised'] = '127.0.0.1'
opscode_pushy_server['api_port'] = ${port}
chef_server['root_url'] = 'https://chef.example.com'`;

beforeAll(async () => {
  mkdirSync(under.path('/run/systemd/system'), { recursive: true });
  server = createServer((request, response) => {
    const isAsked = request.url === '/pushy/_health';
    response.writeHead(isAsked ? (health.ready ? 200 : 503) : 404).end(JSON.stringify(health));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
  under.remove();
});

describe('status of a service that runs', () => {
  const RUNS = 'run: opscode-pushy-server: (pid 42) 0s\n';

  it('reports that the server is ready', async () => {
    under.writeSettings(settings((server.address() as AddressInfo).port));
    expect(await under.run('status')).toEqual({ code: 0, stdout: `${RUNS}health: ready\n`, stderr: '' });
  });

  it('reports why it is not ready, and that it runs', async () => {
    health = { live: true, ready: false, reasons: ['database: no answer', 'Chef Server: no answer'] };
    expect(await under.run('status')).toEqual({
      code: 0,
      stdout: `${RUNS}health: not ready: database: no answer; Chef Server: no answer\n`,
      stderr: '',
    });
  });

  it('reports that it does not respond', async () => {
    under.writeSettings(settings(await freePort()));
    const { code, stdout } = await under.run('status');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^run: .*\nhealth: unknown: it does not respond \(.*ECONNREFUSED.*\)\n$/);
  });

  it('is reported even if the settings are invalid', async () => {
    under.writeSettings(`postgresql['port'] = 0`);
    const { code, stdout } = await under.run('status');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^run: .*\nhealth: unknown: .*line 1: postgresql\['port'\]/);
  });
});

it('doctor finds the ports of a server that listens on a named interface', async () => {
  const { port } = server.address() as AddressInfo;
  under.writeSettings(`${settings(port)}
opscode_pushy_server['zeromq_listen_address'] = 'tcp://lo'
opscode_pushy_server['command_port'] = ${port}`);
  expect((await under.run('doctor')).stdout).toContain(
    `ok      ports: 127.0.0.1:${port} accepts connections\n`,
  );
});

it('doctor warns if nothing rotates the log of a service under systemd', async () => {
  under.writeSettings(settings(await freePort()));
  const logs = under.path('/var/log/opscode-push-jobs-server');
  expect((await under.run('doctor')).stdout).toContain(
    `WARNING service: the log in ${logs} grows without limit: logrotate is not installed\n        to fix it: install logrotate\n`,
  );
  under.write('/usr/sbin/logrotate', '');
  expect((await under.run('doctor')).stdout).not.toContain('logrotate');
});
