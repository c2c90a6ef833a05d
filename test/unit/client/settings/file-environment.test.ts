import { expect, test } from 'vitest';
import { FileEnvironment } from '../../../../src/client/settings/file-environment.js';
import { readRubySettings } from '../../../../src/shared/lib/ruby-settings/read-settings.js';

const readAgainAndAgain = (env: NodeJS.ProcessEnv) => {
  const environment = new FileEnvironment(env);
  return (text: string): void => {
    const place = { file: '/etc/chef/client.rb', env: environment.withoutFile, home: '/', cwd: '/' };
    const source = readRubySettings(text, place);
    if (!source.ok) throw source.error;
    environment.set(source.value.environment);
  };
};

test('a variable that a file makes longer is as long when the file has been read again', () => {
  const env = { PATH: '/bin', LANG: 'C' };
  const read = readAgainAndAgain(env);

  for (let time = 0; time < 3; time++) read(`ENV['PATH'] = "/opt/bin:#{ENV['PATH']}"`);
  expect(env).toEqual({ PATH: '/opt/bin:/bin', LANG: 'C' });
  read(`ENV['PATH'] = "/opt/bin:#{ENV['PATH']}:#{ENV['LANG']}"`);
  expect(env.PATH).toBe('/opt/bin:/bin:C');
});

test('what a file sets no more is as it was before', () => {
  const env: NodeJS.ProcessEnv = { PATH: '/bin', http_proxy: 'http://p:1' };
  const read = readAgainAndAgain(env);

  read(`ENV['PATH'] = '/opt'\nENV['NEW'] = 'x'\nENV['http_proxy'] = nil`);
  expect(env).toEqual({ PATH: '/opt', NEW: 'x' });
  read(`ENV['LANG'] = 'C'`);
  expect(env).toEqual({ PATH: '/bin', http_proxy: 'http://p:1', LANG: 'C' });
});
