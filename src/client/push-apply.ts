#!/usr/bin/env node
/**
 * Applies the recipe of a job. Reads `{"format":1,"file":"<recipe>"}` from the job's file (`CHEF_PUSH_JOB_FILE`, or the
 * path in the first argument) and passes the recipe to chef-apply. Exits with the exit code of chef-apply.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError, messageOf } from '../shared/lib/app-error.js';
import { EXIT_CODE } from './exit-code.js';

const jobFileSchema = z.object({ format: z.literal(1), file: z.string() });

const readRecipe = (): string => {
  const path = process.argv[2] ?? process.env.CHEF_PUSH_JOB_FILE;
  if (path === undefined)
    throw new AppError('no_job_file', 'this job has no file: CHEF_PUSH_JOB_FILE is not set');
  try {
    return jobFileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).file;
  } catch (thrown) {
    throw new AppError('job_file', `${path} is not {"format":1,"file":"<recipe>"}: ${messageOf(thrown)}`);
  }
};

const apply = async (recipe: string): Promise<number> => {
  const child = spawn('chef-apply', ['--stdin'], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.on('error', () => undefined); // chef-apply exited before it read everything; its exit code says why
  child.stdin.end(recipe);
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? EXIT_CODE.INTERNAL;
};

try {
  process.exitCode = await apply(readRecipe());
} catch (thrown) {
  process.stderr.write(`push-apply: ${messageOf(thrown)}\n`);
  process.exitCode = EXIT_CODE.CONFIGURATION;
}
