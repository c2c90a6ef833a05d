import { messageOf } from '../../../src/shared/lib/app-error.js';
import type { Installation } from '../installation.js';

/** An idempotent part of reconfigure or upgrade. */
export interface Step {
  readonly name: string;
  /** Returns a line per change; empty if everything was up to date. Throws if it fails. */
  run(installation: Installation): Promise<string[]>;
}

/** A step that can also show in advance what it would change. */
export interface PlannedStep extends Step {
  /** Returns the lines that `run` would return. Changes nothing except the secrets in memory. Throws if `run` would. */
  plan(installation: Installation): Promise<string[]>;
}

/** The outcome of a run of steps: how many changes, or which step failed. */
export type StepsOutcome = { readonly changes: number } | { readonly failed: string };

/** Runs the steps one after the other and prints each; stops at the first one that fails. */
export const runSteps = async (installation: Installation, steps: readonly Step[]): Promise<StepsOutcome> => {
  const { context } = installation;
  let total = 0;
  for (const [index, step] of steps.entries()) {
    const title = `[${index + 1}/${steps.length}] ${step.name}`;
    try {
      const changes = await step.run(installation);
      context.print(changes.length === 0 ? `${title}: up to date` : title);
      for (const change of changes) context.print(`    - ${change}`);
      total += changes.length;
    } catch (thrown) {
      context.print(`${title}: FAILED`);
      context.warn(`The step "${step.name}" failed: ${messageOf(thrown)}`);
      return { failed: step.name };
    }
  }
  return { changes: total };
};
