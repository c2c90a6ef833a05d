/** `npm run load -- SCENARIO [options]`; README.md lists scenarios and options. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/shared/lib/app-error.js';
import { chaos } from './scenarios/chaos.js';
import { feeds } from './scenarios/feeds.js';
import { heartbeats } from './scenarios/heartbeats.js';
import { jobList } from './scenarios/job-list.js';
import { jobs } from './scenarios/jobs.js';
import { oneNodeJobs } from './scenarios/one-node-jobs.js';
import { reconnect } from './scenarios/reconnect.js';
import type { LoadOptions } from './scenarios/scenario.js';

interface Scenario {
  readonly run: (options: LoadOptions) => Promise<void>;
  /** Defaults of `--nodes` and `--runs`. */
  readonly nodes: readonly number[];
  readonly runs: number;
  /** Default of `--heartbeat` (10 s if not set). */
  readonly heartbeatMs?: number;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  jobs: { run: jobs, nodes: [1000, 2000], runs: 10 },
  'one-node-jobs': { run: oneNodeJobs, nodes: [10], runs: 300 },
  heartbeats: { run: heartbeats, nodes: [1000], runs: 1 },
  feeds: { run: feeds, nodes: [1000], runs: 1 },
  reconnect: { run: reconnect, nodes: [10_000], runs: 3 },
  'job-list': { run: jobList, nodes: [10], runs: 20 },
  chaos: { run: chaos, nodes: [20], runs: 1, heartbeatMs: 1000 },
};

const parseWholeNumber = (text: string, name: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} must be a whole number above 0, not '${text}'`);
};

const parseArguments = (): { scenario: Scenario; options: LoadOptions } => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      nodes: { type: 'string' },
      runs: { type: 'string' },
      seconds: { type: 'string', default: '20' },
      heartbeat: { type: 'string' },
      readers: { type: 'string', default: '200' },
      jobs: { type: 'string', default: '10000' },
      profile: { type: 'string' },
      rotated: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '10' },
      faults: { type: 'string', default: 'kill,database,failover' },
      seed: { type: 'string' },
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
    nodes: values.nodes?.split(',').map((text) => parseWholeNumber(text, 'nodes')) ?? scenario.nodes,
    runs: values.runs === undefined ? scenario.runs : parseWholeNumber(values.runs, 'runs'),
    seconds: parseWholeNumber(values.seconds, 'seconds'),
    heartbeatMs:
      values.heartbeat === undefined
        ? (scenario.heartbeatMs ?? 10_000)
        : parseWholeNumber(values.heartbeat, 'heartbeat'),
    minutes: parseWholeNumber(values.minutes, 'minutes'),
    faults: values.faults,
    seed: values.seed === undefined ? undefined : parseWholeNumber(values.seed, 'seed'),
    readers: parseWholeNumber(values.readers, 'readers'),
    jobs: parseWholeNumber(values.jobs, 'jobs'),
    profileFolder,
    rotated: values.rotated,
    deaf: values.deaf,
  };
  return { scenario, options };
};

try {
  const { scenario, options } = parseArguments();
  await scenario.run(options);
} catch (thrown) {
  process.stderr.write(`load: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
