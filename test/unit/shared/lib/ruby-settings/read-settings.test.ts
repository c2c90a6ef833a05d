import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readRubySettings } from '../../../../../src/shared/lib/ruby-settings/read-settings.js';
import { RubyHash, RubyRegexp, RubySymbol } from '../../../../../src/shared/lib/ruby-settings/ruby-value.js';

const PLACE = { file: '/etc/chef/client.rb', env: { USER: 'pat' }, home: '/home/pat', cwd: '/work' };

const read = (text: string) => {
  const result = readRubySettings(text, PLACE);
  if (!result.ok) throw result.error;
  return result.value;
};
const valueOf = (text: string): unknown => read(`x ${text}`).settings[0]?.value;
const faultOf = (text: string): string => {
  const result = readRubySettings(text, PLACE);
  if (result.ok) throw new Error(`read: ${JSON.stringify(result.value)}`);
  return result.error.message;
};

test('a file of the push-jobs cookbook', () => {
  const { settings, environment } = read(readFileSync('test/fixtures/client-settings/cookbook.rb', 'utf8'));
  const values = Object.fromEntries(settings.map(({ path, value }) => [path.join('.'), value]));
  expect(values).toMatchObject({
    chef_server_url: 'https://chef.example.com/organizations/acme',
    node_name: 'web1.example.com',
    client_key: '/etc/chef/client.pem',
    ssl_verify_mode: new RubySymbol('verify_peer'),
    verify_api_cert: false,
    log_location: new RubySymbol('STDOUT'),
    allow_unencrypted: false,
    max_body_size: 63_000,
    allowed_overwritable_env_vars: ['HTTP_PROXY', 'DEPLOY_ENV'],
    'Mixlib::Log::Formatter.show_time': false,
  });
  expect([...environment]).toEqual([['LC_ALL', 'en_US.UTF-8']]);
  const whitelist = values.whitelist as RubyHash;
  expect(whitelist.get('chef-client')).toBe('chef-client');
  expect((whitelist.get('locked') as RubyHash).get('command_line')).toBe('chef-client -L /var/log/chef.log');
  expect((whitelist.get('locked') as RubyHash).get('lock')).toBe(true);
  expect(whitelist.entries[2]).toEqual([
    new RubyRegexp('^deploy ([\\w-]+) to (dev|prod)$', 'i'),
    "deploy '\\1' \\2",
  ]);
});

describe('statements', () => {
  test('a name and a value, with or without brackets, several on a line', () => {
    const { settings } = read(`node_name 'a'\nnode_name("b") # why\nport 1; size 2\n`);
    expect(settings).toEqual([
      { path: ['node_name'], value: 'a', line: 1 },
      { path: ['node_name'], value: 'b', line: 2 },
      { path: ['port'], value: 1, line: 3 },
      { path: ['size'], value: 2, line: 3 },
    ]);
  });

  test('sections with keys', () => {
    const { settings } = read(`postgresql['port'] = 5432\nknife[:ssh_user] =\n  "me"\na['b']['c'] = nil`);
    expect(settings).toEqual([
      { path: ['postgresql', 'port'], value: 5432, line: 1 },
      { path: ['knife', 'ssh_user'], value: 'me', line: 2 },
      { path: ['a', 'b', 'c'], value: null, line: 4 },
    ]);
  });

  test('settings with the name of their object', () => {
    const text = `Chef::Config[:a] = 1\nChef::Config.b = 2\nChef::Config.c 3\nChef::Config['d'][:e] = 4\nChef::ConfigX[:f] = 5`;
    expect(read(text).settings.map(({ path }) => path)).toEqual([
      ['a'],
      ['b'],
      ['c'],
      ['d', 'e'],
      ['Chef::ConfigX', 'f'],
    ]);
  });

  test('variables, ENV and paths, as knife.rb files use them', () => {
    const { settings, environment } = read(`
      current_dir = File.dirname(__FILE__)
      user = ENV['OPSCODE_USER'] || ENV['USER']
      ENV['HOME_OF'] = "home of #{user}"
      client_key "#{current_dir}/#{user}.pem"
      cookbook_path [File.join(current_dir, '..', 'cookbooks'), File.expand_path('../x', __FILE__)]
      file_dir File.expand_path('~/jobs')
      said ENV['HOME_OF']
      LANG='C'
    `);
    expect(settings.map(({ value }) => value)).toEqual([
      '/etc/chef/pat.pem',
      ['/etc/chef/../cookbooks', '/etc/chef/x'],
      '/home/pat/jobs',
      'home of pat',
    ]);
    expect([...environment]).toEqual([['HOME_OF', 'home of pat']]);
  });

  test('a hash as the argument, without its braces', () => {
    const pairs = new RubyHash([
      ['a', 1],
      [new RubyRegexp('b', ''), new RubySymbol('c')],
    ]);
    expect(read(`x 'a' => 1,\n  # why\n  /b/ => :c\ny 2`).settings).toEqual([
      { path: ['x'], value: pairs, line: 1 },
      { path: ['y'], value: 2, line: 4 },
    ]);
    expect(read(`x('a' => 1,\n /b/ =>\n :c\n)`).settings[0]?.value).toEqual(pairs);
    expect(read(`x(\n'a' => 1,\n/b/ => :c, # last\n)\ny 2`).settings[0]?.value).toEqual(pairs);
    expect(read('x a: 1, "b" => 2').settings[0]?.value).toEqual(
      new RubyHash([
        [new RubySymbol('a'), 1],
        ['b', 2],
      ]),
    );
  });

  test('comments, comment blocks and the text after __END__ are ignored', () => {
    const text = '# one\n=begin\nx 1\n=end\n  # two\ny 2 # three\n__END__\nif true\n';
    expect(read(text).settings).toEqual([{ path: ['y'], value: 2, line: 6 }]);
  });
});

describe('values', () => {
  test.each([
    [`'it\\'s \\n \\\\'`, "it's \\n \\"],
    [`"tab\\t \\"q\\" \\u00e9 \\u{1F600} \\x41 \\101\\0 \\e"`, 'tab\t "q" é 😀 A A\0 \x1b'],
    ['"a#b #c"', 'a#b #c'],
    ['-1_000', -1000],
    ['2.5', 2.5],
    ['true', true],
    ['nil', null],
    [':verify_none', new RubySymbol('verify_none')],
    [':"a b"', new RubySymbol('a b')],
    ['%w(a b  c)', ['a', 'b', 'c']],
    ['%i[a b]', [new RubySymbol('a'), new RubySymbol('b')]],
    ["%q{it's}", "it's"],
    ['/a\\/b[0-9]+/i', new RubyRegexp('a/b[0-9]+', 'i')],
    ['%r{/etc/(\\w{1,3})}', new RubyRegexp('/etc/(\\w{1,3})', '')],
    ['[1, # one\n 2,\n]', [1, 2]],
    ['{}', new RubyHash([])],
    [
      '{ a: 1, \'b\' => [2], "c": { /x/ => :y } }',
      new RubyHash([
        [new RubySymbol('a'), 1],
        ['b', [2]],
        ['c', new RubyHash([[new RubyRegexp('x', ''), new RubySymbol('y')]])],
      ]),
    ],
  ])('%s', (text, value) => {
    expect(valueOf(text)).toEqual(value);
  });

  test('a double-quoted literal can hold any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const literal = `"${text.replace(/[\\"#]/g, '\\$&')}"`;
        expect(valueOf(literal)).toBe(text);
      }),
    );
  });
});

describe('Ruby code is rejected with file and line, and never run', () => {
  test.each([
    ['a 1\nif true\n  b 2\nend', "line 2: 'if' is Ruby code"],
    ['a `id`', "line 1: expected a value, found '`id`'"],
    ['a system("id")', "'system' is not understood"],
    ['a "#{`id`}"', 'expected a value'],
    ['a File.read("/etc/shadow")', 'File.read is not understood'],
    ['a File.constructor("x")', 'File.constructor is not understood'],
    ['a 1 + 1', "line 1: this is not understood: '+ 1'"],
    ['a "x".upcase', "this is not understood: '.upcase'"],
    ['a', "'a' has no value"],
    ["a 'open", 'the string has no end'],
    ["a 'b' => 1, 2", "expected '=>'"],
    ['a [1, 2', "expected ','"],
    ['a({ 1 => 2 )', "expected ','"],
    ['a /x#{1}/', 'must not hold #{'],
    ['a["b"] 1', "expected '='"],
    ['ENV["A"] = 1', "ENV['A'] must be a string"],
    ['=> 1', 'expected a setting'],
    [`a ${'['.repeat(200)}`, 'nested more than 50 deep'],
  ])('%s', (text, message) => {
    expect(faultOf(text)).toContain('/etc/chef/client.rb, line ');
    expect(faultOf(text)).toContain(message);
  });

  test('no text throws any other error', () => {
    const piece = fc.constantFrom(
      'a ',
      '"',
      "'",
      '#{',
      '}',
      '{',
      '=>',
      '[',
      ']',
      '%w(',
      ')',
      ':',
      '/',
      '\\',
      '\n',
      '1',
      'ENV[',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const result = readRubySettings(pieces.join(''), PLACE);
        if (!result.ok) expect(result.error.message).toMatch(/client\.rb, line \d+: ./);
      }),
    );
  });
});
