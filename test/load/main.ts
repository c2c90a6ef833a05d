/** `npm run load -- SCENARIO [options]`; README.md tells what there is. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/shared/lib/app-error.js';
import { feeds } from './scenarios/feeds.js';
import { heartbeats } from './scenarios/heartbeats.js';
import { jobList } from './scenarios/job-list.js';
import { jobs } from './scenarios/jobs.js';
import { oneNodeJobs } from './scenarios/one-node-jobs.js';
import { reconnect } from './scenarios/reconnect.js';
import type { LoadOptions } from './scenarios/scenario.js';

interface Scenario {
  readonly play: (options: LoadOptions) => Promise<void>;
  /** What holds where nothing else is asked for. */
  readonly nodes: readonly number[];
  readonly runs: number;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  jobs: { play: jobs, nodes: [1000, 2000], runs: 10 },
  'one-node-jobs': { play: oneNodeJobs, nodes: [10], runs: 300 },
  heartbeats: { play: heartbeats, nodes: [1000], runs: 1 },
  feeds: { play: feeds, nodes: [1000], runs: 1 },
  reconnect: { play: reconnect, nodes: [10_000], runs: 3 },
  'job-list': { play: jobList, nodes: [10], runs: 20 },
};

const whole = (text: string, name: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} must be a whole number above 0, not '${text}'`);
};

const read = (): { scenario: Scenario; options: LoadOptions } => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      nodes: { type: 'string' },
      runs: { type: 'string' },
      seconds: { type: 'string', default: '20' },
      heartbeat: { type: 'string', default: '10000' },
      readers: { type: 'string', default: '200' },
      jobs: { type: 'string', default: '10000' },
      profile: { type: 'string' },
      rotated: { type: 'boolean', default: false },
      deaf: { type: 'boolean', default: false },
    },
  });
  const scenario = SCENARIOS[positionals[0] ?? ''];
  if (scenario === undefined || positionals.length > 1) {
    throw new Error(`name one scenario: ${Object.keys(SCENARIOS).join(', ')}`);
  }
  const profileFolder = values.profile === undefined ? undefined : resolve(values.profile);
  if (profileFolder !== undefined) mkdirSync(profileFolder, { recursive: true });
  const options = {
    nodes: values.nodes?.split(',').map((text) => whole(text, 'nodes')) ?? scenario.nodes,
    runs: values.runs === undefined ? scenario.runs : whole(values.runs, 'runs'),
    seconds: whole(values.seconds, 'seconds'),
    heartbeatMs: whole(values.heartbeat, 'heartbeat'),
    readers: whole(values.readers, 'readers'),
    jobs: whole(values.jobs, 'jobs'),
    profileFolder,
    rotated: values.rotated,
    deaf: values.deaf,
  };
  return { scenario, options };
};

try {
  const { scenario, options } = read();
  await scenario.play(options);
} catch (thrown) {
  process.stderr.write(`load: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
