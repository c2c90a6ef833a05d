#!/usr/bin/env node
/**
 * Applies the recipe that came with a job: reads the job's file (`CHEF_PUSH_JOB_FILE`, or the path that is given),
 * `{"format":1,"file":"<recipe>"}`, and hands the recipe to chef-apply. Ends with chef-apply's exit code.
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
    throw new AppError('no_job_file', 'no file came with this job: CHEF_PUSH_JOB_FILE is not set');
  try {
    return jobFileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).file;
  } catch (thrown) {
    throw new AppError('job_file', `${path} is not {"format":1,"file":"<recipe>"}: ${messageOf(thrown)}`);
  }
};

const apply = async (recipe: string): Promise<number> => {
  const child = spawn('chef-apply', ['--stdin'], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.on('error', () => undefined); // chef-apply ended before it read all: its exit code tells
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
