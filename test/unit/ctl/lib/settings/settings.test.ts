import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CtlUnderTest } from '../../../../support/ctl-under-test.js';

const SETTINGS = '/etc/opscode-push-jobs-server/opscode-push-jobs-server.rb';
const ALONE = `opscode_pushy_server['vip'] = 'push.example.com'
chef_server['root_url'] = 'https://chef.example.com'
`;

interface Shown {
  pushy: Record<
    'opscode-pushy-server' | 'postgresql' | 'chef-server' | 'user' | 'bootstrap',
    Record<string, unknown>
  >;
}

let under: CtlUnderTest;
beforeEach(() => (under = new CtlUnderTest()));
afterEach(() => under.remove());

const show = async (): Promise<Shown['pushy']> => {
  const { code, stdout, stderr } = await under.run('show-config');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return (JSON.parse(stdout) as Shown).pushy;
};

describe('the settings', () => {
  it('have the defaults of the old server if nothing is set', async () => {
    under.writeSettings(ALONE);
    const shown = await show();
    expect(shown['opscode-pushy-server']).toMatchObject({
      enable: true,
      ha: false,
      listen: '127.0.0.1',
      api_port: 10003,
      command_port: 10002,
      server_heartbeat_port: 10000,
      zeromq_listen_address: 'tcp://*',
      heartbeat_interval: 10000,
      validate_client_node_name: true,
      max_body_size: 65536,
      db_pool_size: 20,
      log_rotation: { file_maxbytes: 104857600, num_to_keep: 10 },
      server_name_advertised: 'push.example.com',
    });
    expect(shown.postgresql).toMatchObject({
      database_name: 'opscode_pushy',
      sql_user: 'opscode_pushy',
      sql_ro_user: 'opscode_pushy_ro',
      vip: '127.0.0.1',
      port: 5432,
    });
    expect(shown.bootstrap).toEqual({ enable: true });
  });

  it('place CA files below the root, like all other files', async () => {
    under.writeSettings(`${ALONE}
postgresql['ssl_ca_file'] = '/etc/ssl/database.pem'
chef_server['ssl_ca_file'] = '/etc/ssl/chef.pem'`);
    const shown = await show();
    expect(shown.postgresql.ssl_ca_file).toBe(under.path('/etc/ssl/database.pem'));
    expect(shown['chef-server'].ssl_ca_file).toBe(under.path('/etc/ssl/chef.pem'));
  });

  it('may be numbers written as strings, nested sections, and hashes', async () => {
    under.writeSettings(`${ALONE}
opscode_pushy_server['heartbeat_interval'] = '5000'
opscode_pushy_server['log_rotation']['num_to_keep'] = '3'
opscode_pushy_server['log_rotation']['file_maxbytes'] = 5_000_000
postgresql['port'] = "6432"
`);
    const shown = await show();
    expect(shown['opscode-pushy-server']).toMatchObject({
      heartbeat_interval: 5000,
      log_rotation: { file_maxbytes: 5000000, num_to_keep: 3 },
    });
    expect(shown.postgresql.port).toBe(6432);
  });

  it.each(['/data', '/srv/push-jobs', '/var/log/opscode/opscode-pushy-server'])(
    'may put logs and data into %s',
    async (folder) => {
      under.writeSettings(`${ALONE}
opscode_pushy_server['dir'] = '${folder}'
opscode_pushy_server['log_directory'] = '${folder}'`);
      expect((await show())['opscode-pushy-server']).toMatchObject({ dir: folder, log_directory: folder });
    },
  );

  it('return to the default with nil', async () => {
    under.writeSettings(`${ALONE}postgresql['port'] = 1\npostgresql['port'] = nil\n`);
    expect((await show()).postgresql.port).toBe(5432);
  });

  it('are inherited from Chef Server if the file does not set them', async () => {
    under.write(
      '/etc/opscode/chef-server-running.json',
      JSON.stringify({
        private_chef: {
          postgresql: {
            vip: 'db.example.com',
            port: '5433',
            db_superuser: 'opscode-pgsql',
            db_superuser_password: 'x',
          },
          lb: { api_fqdn: 'chef.example.com' },
          user: { username: 'opscode' },
          nginx: { dir: '/var/opt/opscode/nginx', ssl_port: 8443 },
          'opscode-erchef': { vip: '127.0.0.1', port: 8000 },
        },
      }),
    );
    under.writeSettings(`postgresql['vip'] = 'other.example.com'`);
    const shown = await show();
    expect(shown.postgresql).toMatchObject({
      vip: 'other.example.com',
      port: 5433,
      db_superuser: 'opscode-pgsql',
    });
    expect(shown['opscode-pushy-server'].server_name_advertised).toBe('chef.example.com');
    expect(shown['chef-server']).toMatchObject({
      root_url: 'https://chef.example.com:8443',
      erchef_url: 'http://127.0.0.1:8000',
    });
    expect(shown.user).toEqual({ username: 'opscode' });
  });

  it.each([
    ['tier', false],
    ['ha', true],
  ])(
    'have the address of the backend in the topology %s, reachable for its frontends',
    async (topology, ha) => {
      under.write(
        '/etc/opscode/chef-server-running.json',
        JSON.stringify({
          private_chef: {
            topology,
            role: 'frontend',
            backend_vips: { ipaddress: '192.0.2.7' },
            postgresql: { vip: '192.0.2.8' },
            lb: { api_fqdn: 'chef.example.com' },
          },
        }),
      );
      expect((await show())['opscode-pushy-server']).toMatchObject({
        vip: '192.0.2.7',
        server_name_advertised: '192.0.2.7',
        listen: '0.0.0.0',
        ha,
      });
    },
  );

  it.each([
    ['require', 'require'],
    ['prefer', 'disable'],
  ])('inherit the sslmode %s of Chef Server if we support it', async (theirs, ours) => {
    under.write(
      '/etc/opscode/chef-server-running.json',
      JSON.stringify({
        private_chef: { postgresql: { sslmode: theirs }, lb: { api_fqdn: 'chef.example.com' } },
      }),
    );
    expect((await show()).postgresql.sslmode).toBe(ours);
  });

  it('set the cache time of keys and groups, and the timeout of the Chef Server', async () => {
    under.writeSettings(`${ALONE}chef_server['cache_seconds'] = '30'\nchef_server['timeout'] = 2.5`);
    expect((await show())['chef-server']).toMatchObject({ cache_seconds: 30, timeout: 2.5 });
    under.writeSettings(`${ALONE}chef_server['cache_seconds'] = 301`);
    expect((await under.run('show-config')).stderr).toMatch(/line 3: chef_server\['cache_seconds'\]: .*300/);
  });

  it('are shown without secrets', async () => {
    under.writeSettings(ALONE);
    const { stdout } = await under.run('show-config');
    expect(stdout).not.toMatch(/password|secret/i);
  });
});

describe('invalid settings', () => {
  const failing = async (text: string): Promise<string> => {
    under.writeSettings(`${ALONE}${text}`);
    const { code, stdout, stderr } = await under.run('show-config');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    return stderr;
  };

  it.each([
    [
      'an unknown key',
      `opscode_pushy_server['api_prt'] = 1`,
      /line 3: .*\['api_prt'\] is unknown; known settings: .*api_port/,
    ],
    ['an unknown section', `pushy['api_port'] = 1`, /line 3: 'pushy\.api_port' is unknown/],
    ['a section of JavaScript', `constructor['x'] = 1`, /line 3: 'constructor\.x' is unknown/],
    [
      'a key in a nested hash',
      `opscode_pushy_server['log_rotation'] = { 'keep' => 1 }`,
      /line 3: .*\['log_rotation'\]\['keep'\]/,
    ],
    [
      'a number out of bounds',
      `opscode_pushy_server['api_port'] = 70000`,
      /line 3: .*\['api_port'\]: .*65535.*70000/,
    ],
    [
      'a word for a number',
      `postgresql['port'] = 'many'`,
      /line 3: postgresql\['port'\]: must be a number.*many/,
    ],
    ['true for a number', `postgresql['port'] = true`, /line 3: postgresql\['port'\]: must be a number/],
    [
      'an empty string for a number',
      `postgresql['port'] = ''`,
      /line 3: postgresql\['port'\]: must be a number/,
    ],
    ['a string for true', `opscode_pushy_server['enable'] = 'yes'`, /line 3: .*\['enable'\].*boolean/],
    [
      'a relative folder',
      `opscode_pushy_server['dir'] = 'data'`,
      /line 3: .*\['dir'\]: must be an absolute path/,
    ],
    [
      'an owner of the database that is the superuser',
      `postgresql['sql_user'] = 'postgres'`,
      /line 3: postgresql\['sql_user'\]: must not be db_superuser.* \(it is "postgres"\)/,
    ],
    [
      'a reader who is the owner',
      `postgresql['sql_ro_user'] = 'opscode_pushy'`,
      /line 3: postgresql\['sql_ro_user'\]: must be neither sql_user nor/,
    ],
    [
      'a folder for logs in which all have theirs',
      `opscode_pushy_server['log_directory'] = '/var/log/'`,
      /line 3: .*\['log_directory'\]: must be a dedicated folder/,
    ],
    [
      "a folder for data that is the Chef Server's",
      `opscode_pushy_server['dir'] = '/var/x/../opt/opscode'`,
      /line 3: .*\['dir'\]: must be a dedicated folder/,
    ],
    ['an unencrypted channel', `opscode_pushy_server['disable_curve_encryption'] = true`, /always encrypted/],
    ['code', `if true then x end`, /line 3: 'if' is Ruby code/],
  ])('%s is reported with file and line', async (_, text, message) => {
    const problem = await failing(text);
    expect(problem).toContain(under.path(SETTINGS));
    expect(problem).toMatch(message);
  });

  it('are all reported at once', async () => {
    const problem = await failing(`postgresql['port'] = 0\nopscode_pushy_server['api_port'] = 0`);
    expect(problem).toMatch(/line 3: postgresql/);
    expect(problem).toMatch(/line 4: opscode_pushy_server/);
  });

  it('stop reconfigure before it changes anything', async () => {
    under.writeSettings(`${ALONE}postgresql['port'] = 0`);
    expect(await under.run('reconfigure')).toMatchObject({ code: 1, stdout: '' });
    const { stdout } = await under.runWith({}, 'help');
    expect(stdout).toBeTruthy();
  });

  it('lack the host that receives the metrics', async () => {
    under.writeSettings(`${ALONE}opscode_pushy_server['enable_graphite'] = true`);
    expect((await under.run('show-config')).stderr).toMatch(/\['graphite_host'\] is missing/);
    under.writeSettings(`${ALONE}opscode_pushy_server['enable_graphite'] = true
opscode_pushy_server['graphite_host'] = 'graphs.example.com'`);
    expect((await show())['opscode-pushy-server']).toMatchObject({
      graphite_host: 'graphs.example.com',
      graphite_port: 2003,
    });
  });

  it('lack the address of the Chef Server on a machine without one', async () => {
    under.writeSettings(`opscode_pushy_server['vip'] = 'push.example.com'`);
    expect((await under.run('show-config')).stderr).toMatch(/chef_server\['root_url'\] is missing/);
  });
});
