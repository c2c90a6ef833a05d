import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommandContext } from '../../../../../ctl/command-context.js';
import { Installation } from '../../../../../ctl/lib/installation.js';
import { waitForServer } from '../../../../../ctl/lib/reconfigure/wait-for-server.js';
import { CtlUnderTest } from '../../../../support/ctl-under-test.js';

/** Process ids of the service, one per status; the last one stays. */
let pids: number[] = [];

/** Nothing listens on the server's port, and each sleep takes a minute. */
const under = new CtlUnderTest({
  run: () => {
    const pid = pids.length > 1 ? pids.shift() : pids[0];
    const stdout = `LoadState=loaded\nActiveState=active\nMainPID=${pid}\n`;
    return Promise.resolve({ code: 0, stdout, stderr: '' });
  },
  sleep: () => {
    vi.advanceTimersByTime(60_000);
    return Promise.resolve();
  },
});
let installation: Installation;

beforeAll(() => {
  mkdirSync(under.path('/run/systemd/system'), { recursive: true });
  under.writeSettings(`opscode_pushy_server['server_name_advertised'] = '127.0.0.1'
opscode_pushy_server['api_port'] = 1
chef_server['root_url'] = 'https://chef.example.com'`);
  installation = new Installation(new CommandContext(under.environment(), under.root), {
    superuserPassword: undefined,
  });
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  return () => vi.useRealTimers();
});
afterAll(() => under.remove());

describe('a server that does not respond', () => {
  it.each([
    ['is silent', 'one process is alive until the timeout', [42], 'does not respond'],
    ['ends', 'four processes were seen', [42, 43, 44, 45], 'ends as soon as it is started'],
    ['ends', 'two processes were seen until the timeout', [42, 43], 'ends as soon as it is started'],
  ])('%s if %s', async (_outcome, _condition, seen, message) => {
    pids = seen;
    await expect(waitForServer(installation)).rejects.toThrow(`the server ${message} (`);
  });
});
