import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { findLeftoverProcesses, findOpenSockets } from '../../support/leaks.js';

describe('the leak guard', () => {
  it('finds a child process until it has ended', async () => {
    const child = spawn('sleep', ['61']);
    await once(child, 'spawn');
    await eventually(() => findLeftoverProcesses().some(({ command }) => command === 'sleep 61'));
    child.kill();
    await once(child, 'exit');
    expect(findLeftoverProcesses()).toEqual([]);
  });

  it('finds a grandchild whose parent has ended', async () => {
    const parent = spawn('sh', ['-c', 'sleep 62 & true'], { detached: true, stdio: 'ignore' });
    await once(parent, 'exit');
    const left = await eventually(() =>
      findLeftoverProcesses().find(({ command }) => command === 'sleep 62'),
    );
    process.kill(left.pid);
    await eventually(() => findLeftoverProcesses().length === 0);
  });

  it('finds a server that still listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(findOpenSockets()).toEqual(['TCPServerWrap']);
    server.close();
    await eventually(() => findOpenSockets().length === 0);
  });
});
