import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandContext } from '../../../../../ctl/command-context.js';
import { Installation } from '../../../../../ctl/lib/installation.js';
import {
  configurationStep,
  serviceStep,
  startStep,
} from '../../../../../ctl/lib/reconfigure/service-steps.js';
import type { RunProgram } from '../../../../../ctl/lib/run-program.js';
import { generateMissingSecrets } from '../../../../../ctl/lib/secrets/generate-secrets.js';
import { CtlUnderTest } from '../../../../support/ctl-under-test.js';

const CA = '/etc/ca.pem';
const PIVOTAL = '/etc/opscode/pivotal.pem';
const FOR_SERVER = '/var/opt/opscode-push-jobs-server/etc/secrets.json';
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

/** A double of systemctl whose service always runs, and of getent that knows the service user. */
const run: RunProgram = (program, [, name = '']) => {
  const { uid, gid } = userInfo();
  const running = 'LoadState=loaded\nActiveState=active\nMainPID=42\n';
  const stdout = program === 'getent' ? `${name}:x:${uid}:${gid}::/:/bin/false\n` : running;
  return Promise.resolve({ code: 0, stdout, stderr: '' });
};

const under = new CtlUnderTest({ run });
const server = createServer((_request, response) => response.end('{"status":"it\'s alive"}'));
let installation: Installation;

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  mkdirSync(under.path('/run/systemd/system'), { recursive: true });
  under.write(PIVOTAL, privateKey, 0o600);
  under.write(CA, 'the first one');
  under.writeSettings(`opscode_pushy_server['server_name_advertised'] = '127.0.0.1'
opscode_pushy_server['api_port'] = ${(server.address() as AddressInfo).port}
chef_server['root_url'] = 'https://chef.example.com'
chef_server['ssl_ca_file'] = '${CA}'`);
  installation = new Installation(new CommandContext(under.environment(), under.root), {
    superuserPassword: undefined,
  });
  await generateMissingSecrets(installation.secrets);
});
afterAll(() => {
  server.close();
  under.remove();
});

describe('the steps that apply the settings to the server', () => {
  it('restart it if a file of trusted certificates was renewed', async () => {
    const restarted = ['restarted opscode-pushy-server; it responds'];
    expect(await startStep.run(installation)).toEqual(restarted);
    expect(await startStep.run(installation)).toEqual([]);
    under.write(CA, 'the next one');
    expect(await startStep.run(installation)).toEqual(restarted);
    expect(await startStep.run(installation)).toEqual([]);
  });

  it('restart it if its definition was written', async () => {
    expect(await startStep.run(installation)).toEqual([]);
    expect(await serviceStep.run(installation)).toContain(
      `wrote ${under.path('/etc/systemd/system/opscode-pushy-server.service')}`,
    );
    expect(await startStep.run(installation)).toEqual(['restarted opscode-pushy-server; it responds']);
  });

  it("reject an invalid superuser's key and name its location", async () => {
    const file = under.write(PIVOTAL, 'of yesterday', 0o600);
    await expect(configurationStep.run(installation)).rejects.toThrow(
      `the key of the Chef Server's superuser in ${file} is not a private key in PEM form`,
    );
    expect(existsSync(under.path(FOR_SERVER))).toBe(false);
    under.write(PIVOTAL, privateKey, 0o600);
    expect(await configurationStep.run(installation)).toHaveLength(2);
    expect(readFileSync(under.path(FOR_SERVER), 'utf8')).toContain('superuser_key');
  });
});
