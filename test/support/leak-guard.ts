import { afterAll } from 'vitest';
import { eventually } from './eventually.js';
import { findLeftProcesses, findOpenSockets, markDescendants } from './leaks.js';

/** What was told to end may take this long to be gone. */
const GRACE_MS = 3_000;

markDescendants();

/** What a file before this one, in the same process, left open is that one's fault. */
const openBefore = findOpenSockets().length;

/**
 * Fails a test file that leaves child processes or open TCP sockets behind. Hooks that were registered first run
 * last, so everything that the file ends in its own `afterAll` has ended by now.
 */
afterAll(async () => {
  const left = (): string[] => [
    ...findLeftProcesses().map(({ pid, command }) => `process ${pid}: ${command}`),
    ...findOpenSockets().slice(openBefore),
  ];
  try {
    await eventually(() => left().length === 0, { withinMs: GRACE_MS, everyMs: 50 });
  } catch (thrown) {
    const names = left();
    for (const { pid } of findLeftProcesses()) process.kill(pid, 'SIGKILL');
    throw new Error(`this test file left running:\n${names.join('\n')}`, { cause: thrown });
  }
});
