import { describe, expect, it, test } from 'vitest';
import { proxyFor, resolveProxies } from '../../../../../src/shared/platform/http/proxy-settings.js';

describe('proxies of the environment', () => {
  it('are used in all common spellings unless a setting overrides them', () => {
    const env = { http_proxy: 'mirror:3128', HTTPS_PROXY: 'https://proxy:8443', NO_PROXY: 'localhost' };

    expect(resolveProxies({}, env)).toEqual({
      http: 'http://mirror:3128',
      https: 'https://proxy:8443',
      none: 'localhost',
    });
    expect(resolveProxies({ http: '', https: 'other:1', none: '' }, env)).toEqual({
      http: '',
      https: 'http://other:1',
      none: '',
    });
  });

  it.each(['socks5://p:1', 'http://:secret@', '1:2:3'])(
    'are rejected by the name of the variable if the address is invalid: %s',
    (address) => {
      const resolve = () => resolveProxies({}, { HTTP_PROXY: address });

      expect(resolve).toThrow('HTTP_PROXY of the environment is not the address of a proxy');
      expect(resolve).not.toThrow(address);
    },
  );
});

test('uses a separate proxy for each scheme', () => {
  const one = { http: 'http://mirror:3128', https: '', none: '' };

  expect(proxyFor(new URL('http://chef/a'), one)).toBe('http://mirror:3128');
  expect(proxyFor(new URL('https://chef/a'), one)).toBeUndefined();
});

test.each([
  ['localhost, 10.*', 'http://10.1.2.3', true],
  ['localhost, 10.*', 'http://localhost:8080', true],
  ['localhost, 10.*', 'http://192.168.10.5', false],
  ['example.com', 'https://chef.example.com', true],
  ['*.Example.com .other.org', 'https://CHEF.example.COM', true],
  ['*.example.com .other.org', 'https://a.other.org', true],
  ['example.com', 'https://badexample.com', false],
  ['chef*.example.com', 'https://chef2.example.com', true],
  ['chef*.example.com', 'https://chef2xexample.com', false],
  ['*', 'https://chef', true],
  ['chef:443', 'https://chef', true],
  ['chef:443', 'http://chef', false],
  ['::1', 'http://[::1]:80', true],
  ['[::1]:8080', 'http://[::1]:8080', true],
  ['[::1]:8080', 'http://[::1]', false],
  ['', 'http://chef', false],
  [' , ', 'http://chef', false],
])("with no_proxy '%s', %s bypasses the proxy: %s", (none, url, bypasses) => {
  const proxies = { http: 'http://mirror:3128', https: 'http://mirror:3128', none };

  expect(proxyFor(new URL(url), proxies) === undefined).toBe(bypasses);
});
