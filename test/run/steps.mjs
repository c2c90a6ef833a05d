/** What a person is told of a step: its name, how it ended, how long it took. */

/** An expected failure: a check or a test did not pass, or something is missing that the person must add. */
export class StepFailed extends Error {
  /** @param {string} message what failed, and what to do where that is known */
  constructor(message) {
    super(message);
    this.name = 'StepFailed';
  }
}

/**
 * The time since a moment of performance.now(), for a person; since 0 it is the time since this process started.
 * @param {number} startMs
 */
export const secondsSince = (startMs) => `${((performance.now() - startMs) / 1000).toFixed(1)} s`;

/**
 * Runs one step, tells its name and duration, hands back its answer.
 * @template T
 * @param {string} name
 * @param {() => T | Promise<T>} work throws a StepFailed where the step does not pass
 * @returns {Promise<T>}
 */
export const step = async (name, work) => {
  const start = performance.now();
  try {
    const answer = await work();
    console.log(`✓ ${name} (${secondsSince(start)})`);
    return answer;
  } catch (thrown) {
    if (!(thrown instanceof StepFailed)) throw thrown;
    console.log(`✗ ${name} (${secondsSince(start)})`);
    throw new StepFailed(`step "${name}" failed: ${thrown.message}`);
  }
};

/**
 * Runs steps that do not depend on each other, `width` at a time, in the order given; the first failure stops the start of more.
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
