import { expect, test } from 'vitest';
import { FileEnvironment } from '../../../../src/client/settings/file-environment.js';
import { readRubySettings } from '../../../../src/shared/lib/ruby-settings/read-settings.js';

const repeatedReader = (env: NodeJS.ProcessEnv) => {
  const environment = new FileEnvironment(env);
  return (text: string): void => {
    const place = { file: '/etc/chef/client.rb', env: environment.original, home: '/', cwd: '/' };
    const source = readRubySettings(text, place);
    if (!source.ok) throw source.error;
    environment.apply(source.value.environment);
  };
};

test('a variable that refers to itself does not grow when the file is read again', () => {
  const env = { PATH: '/bin', LANG: 'C' };
  const read = repeatedReader(env);

  for (let time = 0; time < 3; time++) read(`ENV['PATH'] = "/opt/bin:#{ENV['PATH']}"`);
  expect(env).toEqual({ PATH: '/opt/bin:/bin', LANG: 'C' });
  read(`ENV['PATH'] = "/opt/bin:#{ENV['PATH']}:#{ENV['LANG']}"`);
  expect(env.PATH).toBe('/opt/bin:/bin:C');
});

test('restores a variable that the file does not set any more', () => {
  const env: NodeJS.ProcessEnv = { PATH: '/bin', http_proxy: 'http://p:1' };
  const read = repeatedReader(env);

  read(`ENV['PATH'] = '/opt'\nENV['NEW'] = 'x'\nENV['http_proxy'] = nil`);
  expect(env).toEqual({ PATH: '/opt', NEW: 'x' });
  read(`ENV['LANG'] = 'C'`);
  expect(env).toEqual({ PATH: '/bin', http_proxy: 'http://p:1', LANG: 'C' });
});
