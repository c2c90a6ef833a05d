import { messageOf } from '../../../src/shared/lib/app-error.js';
import type { CommandContext } from '../../command-context.js';
import type { Installation } from '../installation.js';

/** One step; it can be run again at any time and only changes what is not yet right. */
export interface Step {
  readonly name: string;
  /** Says what it changed, a line each; empty where all was right. Throws where it cannot go on. */
  run(installation: Installation): Promise<string[]>;
}

/** A step that can also tell beforehand what it would do. */
export interface PlannedStep extends Step {
  /** Says what `run` would say, and changes nothing but the secrets in memory. Throws where `run` would. */
  plan(installation: Installation): Promise<string[]>;
}

/** How a run of steps went: what was changed, or which step failed. */
export type StepsOutcome = { readonly changes: number } | { readonly failed: string };

/** Runs the steps one after the other and shows each; the first that fails ends the run and is named. */
export const runSteps = async (
  context: CommandContext,
  installation: Installation,
  steps: readonly Step[],
): Promise<StepsOutcome> => {
  let total = 0;
  for (const [index, step] of steps.entries()) {
    const title = `[${index + 1}/${steps.length}] ${step.name}`;
    try {
      const changes = await step.run(installation);
      context.say(changes.length === 0 ? `${title}: up to date` : title);
      for (const change of changes) context.say(`    - ${change}`);
      total += changes.length;
    } catch (thrown) {
      context.say(`${title}: FAILED`);
      context.warn(`The step "${step.name}" failed: ${messageOf(thrown)}`);
      return { failed: step.name };
    }
  }
  return { changes: total };
};
