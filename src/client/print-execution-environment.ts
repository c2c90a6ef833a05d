#!/usr/bin/env node
/**
 * Prints what a job's command gets: arguments, user, folder, job file and environment. Administrators add it to the
 * whitelist of a node to see how jobs run there.
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { messageOf } from '../shared/lib/app-error.js';

const lines = [
  `arguments: ${JSON.stringify(process.argv.slice(2))}`,
  `user: ${userInfo().username} (${process.getuid?.() ?? ''}:${process.getgroups?.().join(',') ?? ''})`,
  `folder: ${process.cwd()}`,
];
const file = process.env.CHEF_PUSH_JOB_FILE;
if (file !== undefined) {
  lines.push(`job file: ${file}`);
  try {
    lines.push(readFileSync(file, 'utf8'));
  } catch (thrown) {
    lines.push(`cannot be read: ${messageOf(thrown)}`);
  }
}
lines.push('environment:');
for (const name of Object.keys(process.env).sort()) lines.push(`  ${name}=${process.env[name] ?? ''}`);
process.stdout.write(`${lines.join('\n')}\n`);
