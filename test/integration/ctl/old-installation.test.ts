import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram, type RunProgram } from '../../../ctl/lib/run-program.js';
import { SecretsDocument } from '../../../ctl/lib/secrets/secrets-document.js';
import { ChefMachine, pidIn } from '../../support/chef-machine.js';
import { ALL_MIGRATIONS } from '../../../src/server/persistence/migrate.js';
import { eventually } from '../../support/eventually.js';

const SETTINGS_FOLDER = '/etc/opscode-push-jobs-server';
const CHEF_SECRETS = '/etc/opscode/private-chef-secrets.json';
const OLD_DATABASE = readFileSync(
  join(import.meta.dirname, '../../fixtures/old-server-database.sql'),
  'utf8',
);

/** Thousands of jobs in all states, in addition to those of the fixture. */
const MANY_JOBS = `
  INSERT INTO jobs (id, org_id, command, status, run_timeout, created_at, updated_at, quorum)
  SELECT md5(n::text), 'bbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaa', 'many', n % 8, 60, now(), now(), 1 FROM generate_series(1, 4000) n;
  INSERT INTO job_nodes (job_id, org_id, node_name, status, created_at, updated_at)
  SELECT md5(n::text), 'bbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaa', 'node-' || m, (n + m) % 12, now(), now()
  FROM generate_series(1, 4000) n, generate_series(1, 3) m;`;

/** The changes that the steps report. */
const changesIn = (text: string): string[] =>
  text.split('\n').flatMap((line) => /^ {4}- (.*)/.exec(line)?.[1] ?? []);

describe('an old installation', () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const oldFiles = ['opscode-push-jobs-server-secrets.json', 'pushy_priv.pem', 'pushy_pub.pem'];
  let machine: ChefMachine;
  /** The old server's process id. */
  let old: string;
  let planned: string[];

  beforeAll(async () => {
    machine = await ChefMachine.start();
    machine.configure();
    machine.linkServiceToOldServer();
    const oldSecrets = { postgresql: { sql_password: 'an-old-password', sql_ro_password: 'another-one' } };
    machine.write(`${SETTINGS_FOLDER}/${oldFiles[0]!}`, JSON.stringify(oldSecrets), 0o600);
    machine.write(`${SETTINGS_FOLDER}/${oldFiles[1]!}`, privateKey, 0o600);
    machine.write(`${SETTINGS_FOLDER}/${oldFiles[2]!}`, 'of the old server', 0o644);
    await machine.database.sql(`CREATE ROLE ${machine.role} LOGIN PASSWORD 'an-old-password'`);
    await machine.database.sql(OLD_DATABASE); // its tables belong to the superuser
    await machine.database.sql(MANY_JOBS);
    old = await eventually(() => pidIn(machine.svStatus()), { withinMs: 40_000 });
  });
  afterAll(() => machine.close());

  const document = (): SecretsDocument =>
    SecretsDocument.parse(readFileSync(machine.path(CHEF_SECRETS), 'utf8'), CHEF_SECRETS);
  const count = async (sql: string): Promise<unknown> =>
    (await machine.database.sql(`SELECT count(*)::int AS n ${sql}`))[0]?.n;

  it('is not changed by upgrade --check, which shows what an upgrade would do', async () => {
    const check = await machine.ctl('upgrade', '--check');
    expect(check).toMatchObject({ code: 0, stderr: '' });
    planned = changesIn(check.stdout);
    expect(planned).toHaveLength(8 + ALL_MIGRATIONS.length);
    expect(existsSync(machine.path(`${SETTINGS_FOLDER}/pushy_priv.pem`))).toBe(true);
    expect(document().names('push-jobs-server')).toEqual([]);
    expect(await count(`FROM jobs WHERE status IN (0, 1, 5)`)).toBe(1503);
  });

  it('is taken over by reconfigure', async () => {
    const runsAtMigration: boolean[] = [];
    const migrations = `FROM pg_tables WHERE tablename = 'migrations'`;
    const run: RunProgram = async (program, args, options) => {
      const result = await runProgram(program, args, options);
      const isMigrated = (await count(migrations)) === 1;
      if (isMigrated) runsAtMigration.push(existsSync(`/proc/${old}`));
      return result;
    };
    const { code, stdout, stderr } = await machine.ctlWith({ run }, 'reconfigure');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const step = (number: number): string => stdout.split(/^\[\d\/8\]/m)[number] ?? '';
    expect(
      [...changesIn(step(1)), ...changesIn(step(3))].filter((change) => !change.startsWith('backed ')),
    ).toEqual(planned);
    expect(stdout).toContain('stopped the old server, which uses these tables');
    expect(runsAtMigration).not.toContain(true);
    expect(stdout).toMatch(/moved pushy_priv_key, pushy_pub_key, sql_password, sql_ro_password from /);
    expect(stdout).toMatch(/gave \d+ tables and sequences to /);
    expect((await machine.get('/pushy/_status')).status).toBe(200);
  });

  it('keeps its passwords and its key, so that clients trust the new server at once', () => {
    expect(document().get('push-jobs-server', 'pushy_priv_key')).toBe(privateKey);
    expect(document().get('push-jobs-server', 'pushy_pub_key')).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect(document().get('push-jobs-server', 'sql_password')).toBe('an-old-password');
    expect(document().get('push-jobs-server', 'sql_ro_password')).toBe('another-one');
  });

  it('has its old files only in a backup', () => {
    const backups = readdirSync(machine.path(SETTINGS_FOLDER)).filter((name) => name.startsWith('backup-'));
    expect(backups).toHaveLength(1);
    expect(readdirSync(machine.path(`${SETTINGS_FOLDER}/${backups[0]!}`)).sort()).toEqual(
      [...oldFiles, 'private-chef-secrets.json'].sort(),
    );
    for (const file of oldFiles) expect(existsSync(machine.path(`${SETTINGS_FOLDER}/${file}`))).toBe(false);
  });

  it('keeps every row; live jobs are crashed', async () => {
    expect(await count(`FROM jobs WHERE command = 'many'`)).toBe(4000);
    expect(await count(`FROM job_nodes n JOIN jobs j ON j.id = n.job_id WHERE j.command = 'many'`)).toBe(
      12_000,
    );
    expect(await count(`FROM jobs WHERE command = 'many' AND status = 7`)).toBe(2000);
    expect(await count(`FROM jobs WHERE command = 'many' AND status = 2`)).toBe(500);
    expect(await count(`FROM jobs WHERE status IN (0, 1, 5)`)).toBe(0);
  });

  it('has tables that the owner owns and the read-only role can read', async () => {
    expect(
      await count(
        `FROM pg_tables WHERE schemaname IN ('public', 'sqitch') AND tableowner <> '${machine.role}'`,
      ),
    ).toBe(0);
    const [row] = await machine.sqlAs(
      `${machine.role}_ro`,
      'another-one',
      'SELECT count(*)::int AS n FROM jobs',
    );
    expect(row).toEqual({ n: 4008 });
  });

  it('is up to date afterwards, and a second run changes nothing', async () => {
    expect(await machine.ctl('upgrade', '--check')).toMatchObject({
      code: 0,
      stdout: 'Everything is up to date.\n',
    });
    expect((await machine.ctl('upgrade')).stdout).toContain('Everything was up to date.');
    expect((await machine.ctl('reconfigure')).stdout).toContain('Nothing had to be changed.');
  });
});
