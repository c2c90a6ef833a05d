import { afterAll } from 'vitest';
import { eventually } from './eventually.js';
import { findLeftoverProcesses, findOpenSockets, markDescendants } from './leaks.js';

/** Processes and sockets that are closing may take this long. */
const GRACE_MS = 3_000;

markDescendants();

/** An earlier test file in the same process may have left sockets open; these are not reported again. */
const openBefore = findOpenSockets().length;

/**
 * Fails a test file that leaves child processes or open TCP sockets behind. This hook is registered first and so runs
 * last: the file's own `afterAll` hooks have run.
 */
afterAll(async () => {
  const left = (): string[] => [
    ...findLeftoverProcesses().map(({ pid, command }) => `process ${pid}: ${command}`),
    ...findOpenSockets().slice(openBefore),
  ];
  try {
    await eventually(() => left().length === 0, { withinMs: GRACE_MS, everyMs: 50 });
  } catch (thrown) {
    const leftovers = left();
    for (const { pid } of findLeftoverProcesses()) process.kill(pid, 'SIGKILL');
    throw new Error(`this test file left running:\n${leftovers.join('\n')}`, { cause: thrown });
  }
});
