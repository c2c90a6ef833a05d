/** Runs steps and prints name, result and duration of each. */

/** An expected failure: a check or test failed, or the user must install something. */
export class StepFailed extends Error {
  /** @param {string} message what failed, and what to do */
  constructor(message) {
    super(message);
    this.name = 'StepFailed';
  }
}

/**
 * Formats the time since a value of performance.now(); 0 is the start of this process.
 * @param {number} startMs
 */
export const secondsSince = (startMs) => `${((performance.now() - startMs) / 1000).toFixed(1)} s`;

/**
 * Runs one step, prints its name and duration, and returns its value.
 * @template T
 * @param {string} name
 * @param {() => T | Promise<T>} work throws a StepFailed if the step fails
 * @returns {Promise<T>}
 */
export const step = async (name, work) => {
  const start = performance.now();
  try {
    const value = await work();
    console.log(`✓ ${name} (${secondsSince(start)})`);
    return value;
  } catch (thrown) {
    if (!(thrown instanceof StepFailed)) throw thrown;
    console.log(`✗ ${name} (${secondsSince(start)})`);
    throw new StepFailed(`step "${name}" failed: ${thrown.message}`);
  }
};

/**
 * Runs independent steps in the given order, at most `width` at a time; starts none after the first failure.
 * @param {readonly [name: string, work: () => Promise<unknown>][]} steps
 * @param {number} width
 */
export const parallel = async (steps, width) => {
  const waiting = [...steps];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await step(...next).catch((thrown) => {
        waiting.length = 0;
        throw thrown;
      });
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: width }, worker));
  const failure = outcomes.find(({ status }) => status === 'rejected');
  if (failure !== undefined) throw failure.reason;
};
