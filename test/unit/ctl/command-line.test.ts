import { afterAll, describe, expect, it } from 'vitest';
import { CtlUnderTest } from '../../support/ctl-under-test.js';

const under = new CtlUnderTest();
afterAll(() => under.remove());

/** The command names below a heading of the help. */
const namesBelow = (help: string, heading: string): string[] => {
  const lines = help.split('\n');
  const below = lines.slice(lines.indexOf(heading) + 1);
  const end = below.findIndex((line) => line.endsWith('Commands:'));
  return below.slice(0, end < 0 ? undefined : end).flatMap((line) => /^ {2}(\S.*)$/.exec(line)?.[1] ?? []);
};

describe('the help', () => {
  it('lists all commands in two groups, sorted', async () => {
    const { code, stdout } = await under.run('help');
    expect(code).toBe(0);
    expect(namesBelow(stdout, 'General Commands:')).toEqual(
      'cleanse doctor gather-logs generate-keys help prune-jobs reconfigure rotate-keys show-config test uninstall upgrade version'.split(
        ' ',
      ),
    );
    expect(namesBelow(stdout, 'Service Management Commands:')).toEqual(
      'graceful-kill hup int kill once restart service-list start status stop tail term usr1 usr2'.split(' '),
    );
  });

  it('indents the summary of a command by four', async () => {
    const { stdout } = await under.run('help');
    expect(stdout).toMatch(/^ {2}version\n {4}Show the installed version\.$/m);
  });

  it('is the same with --help', async () => {
    expect(await under.run('--help')).toEqual(await under.run('help'));
  });

  it('shows the options of one command', async () => {
    const { code, stdout } = await under.run('generate-keys', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('--curve');
    expect(stdout).not.toContain('General Commands:');
  });
});

describe('an invalid command line', () => {
  it('with an unknown command gets the help and exit code 1', async () => {
    const { code, stdout } = await under.run('frobnicate');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^I don't know that command\.\n/);
    expect(stdout).toContain('General Commands:');
  });

  it('without a command gets the help and exit code 1', async () => {
    const { code, stdout } = await under.run();
    expect(code).toBe(1);
    expect(stdout).not.toContain("I don't know");
    expect(stdout).toContain('General Commands:');
  });

  it.each(['show-config', 'uninstall', 'help', 'service-list'])(
    'with an argument for %s gets exit code 2',
    async (name) => {
      const { code, stderr } = await under.run(name, 'extra');
      expect(code).toBe(2);
      expect(stderr).toContain(`The command ${name} does not accept any arguments`);
    },
  );

  it('with an unknown option gets exit code 2', async () => {
    const { code, stderr } = await under.run('reconfigure', '--fast');
    expect(code).toBe(2);
    expect(stderr).toContain('fast');
  });

  it.each([
    ['--user alice', '--user and --key must be given together'],
    ['--org acme --key alice.pem', '--user and --key must be given together'],
    ['--node web1', '--node and --node-key must be given together'],
    ['--user alice --key /nowhere/alice.pem', "--key: ENOENT: no such file or directory, open '/nowhere"],
  ])('with %s for a test gets exit code 2', async (options, complaint) => {
    const { code, stderr } = await under.run('test', ...options.split(' '));
    expect(code).toBe(2);
    expect(stderr).toContain(complaint);
  });

  it('with the name of a service that is not ours gets exit code 2', async () => {
    const { code, stderr } = await under.run('status', 'nginx');
    expect(code).toBe(2);
    expect(stderr).toContain('opscode-pushy-server');
  });

  it.each([['0d'], ['90'], ['soon'], ['-1d'], ['3000y'], [`${'9'.repeat(400)}d`]])(
    'with %s as an age gets exit code 2',
    async (age) => {
      const { code, stderr } = await under.run('prune-jobs', `--older-than=${age}`);
      expect(code).toBe(2);
      expect(stderr).toContain('--older-than 90d');
    },
  );
});

describe('the grace period of a rotation', () => {
  it.each(['0h', '2', 'soon', '-1h', '31d', '1e3h'])('cannot be %s', async (grace) => {
    const { code, stderr } = await under.run('rotate-keys', `--grace=${grace}`);
    expect(code).toBe(2);
    expect(stderr).toContain(`--grace 2h (minutes m, hours h, days d, at most 30d), not ${grace}`);
  });

  it('cannot be given together with --now', async () => {
    const { code, stderr } = await under.run('rotate-keys', '--now', '--grace', '2h');
    expect(code).toBe(2);
    expect(stderr).toContain('--now and --grace exclude each other');
  });
});

describe('a user other than root', () => {
  it.each(['reconfigure', 'start', 'show-config', 'doctor'])(
    'gets the hint that %s needs root',
    async (name) => {
      const { code, stderr } = await under.runWith({ uid: 1000 }, name);
      expect(code).toBe(1);
      expect(stderr).toContain(`sudo opscode-push-jobs-server-ctl ${name}`);
    },
  );

  it.each(['help', 'version'])('may run %s', async (name) => {
    expect(await under.runWith({ uid: 1000 }, name)).toMatchObject({ code: 0 });
  });
});

it('prints its version', async () => {
  expect(await under.run('version')).toMatchObject({ code: 0, stdout: 'opscode-push-jobs-server 1.2.3\n' });
});
