import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findInWhitelist } from '../../../../src/client/domain/whitelist.js';
import { readClientSettings } from '../../../../src/client/settings/client-settings.js';
import { readRubySettings } from '../../../../src/shared/lib/ruby-settings/read-settings.js';

const read = (name: string) => {
  const text = readFileSync(`test/fixtures/client-settings/${name}`, 'utf8');
  const place = { file: `/etc/chef/${name}`, env: {}, home: '/root', cwd: '/' };
  const source = readRubySettings(text, place);
  if (!source.ok) throw source.error;
  const settings = readClientSettings(source.value, {});
  if (!settings.ok) throw settings.error;
  return { ...settings.value, environment: source.value.environment };
};

test('reads the file of chef-client and ignores settings of other programs', () => {
  const settings = read('chef-client.rb');
  expect(settings).toMatchObject({
    serverUrl: 'https://chef.example.com/organizations/shop_eu',
    organization: 'shop_eu',
    nodeName: 'db-03.eu.example.com',
    logLevel: 'info',
    logLocation: 'STDERR',
    tls: { verify: true, trustedDir: '/etc/chef/trusted_certs' },
    proxy: {
      https: 'http://web:p%40ss%3Aw%2Frd@proxy.example.com:3128/',
      none: 'localhost,*.example.com',
    },
  });
  expect([...settings.whitelist.exact.keys()]).toEqual(['chef-client']);
});

test('reads a file that was written by hand', () => {
  const settings = read('hand-written.rb');
  expect(settings).toMatchObject({
    serverUrl: 'https://chef.example.com:8443/organizations/acme',
    nodeName: 'build_7',
    clientKeyPath: '/etc/chef/push.pem',
    fileDir: '/etc/chef/jobs',
    fileDirExpiryMs: 3_600_000,
    logLevel: 'debug',
    logLocation: { path: '/var/log/push-jobs.log' },
    allowedVariables: { texts: ['COLOUR', 'RELEASE'] },
  });
  expect([...settings.environment]).toEqual([
    ['LANG', 'en_US.UTF-8'],
    ['http_proxy', null],
  ]);
});

test('reads names, hashes and expressions of the whitelist of that file, in their order', () => {
  const { whitelist } = read('hand-written.rb');
  const find = (name: string) => findInWhitelist(whitelist, name);
  expect(find('uptime')?.entry).toEqual({ commandLine: 'uptime' });
  expect(find('cleanup')?.entry.commandLine).toBe('rm -rf /var/tmp/build/* && echo "cleaned acme"');
  expect(find('chef')?.entry.lock).toBe('/var/chef/cache/chef-client-running.pid');
  expect(find('deploy')?.entry).toEqual({ commandLine: '/opt/deploy/bin/run', lock: '/var/lock/deploy' });
  expect(find('unlocked')?.entry).toEqual({ commandLine: 'true' });
  expect(find('tail 20 syslog')).toEqual({
    entry: { commandLine: 'tail -n \\1 /var/log/\\2' },
    groups: ['tail 20 syslog', '20', 'syslog'],
  });
  expect(find('Service web@1 RESTART')).toEqual({
    entry: { commandLine: `service '\\1' "\\2"`, lock: '/var/lock/service' },
    groups: ['Service web@1 RESTART', 'web@1', 'RESTART'],
  });
  expect(find('tail 2000 syslog')?.entry.commandLine).toBe('/opt/fallback "\\0"');
});

test('reads a file of a Windows machine', () => {
  expect(read('windows.rb')).toMatchObject({
    clientKeyPath: 'C:\\chef\\client.pem',
    fileDir: 'C:\\chef\\push jobs',
    logLocation: { path: 'C:\\chef\\push-client.log' },
    whitelist: {
      exact: new Map([
        ['chef-client', { commandLine: 'C:\\opscode\\chef\\bin\\chef-client.bat' }],
        ['restart iis', { commandLine: 'iisreset /restart' }],
      ]),
    },
  });
});
