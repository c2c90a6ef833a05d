import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AppError, messageOf } from '../../src/lib/app-error.js';
import { deferred } from '../../src/lib/deferred.js';
import { eventually } from '../support/eventually.js';
import { runFirstJob, waitForNodes } from './first-job.js';
import { NODES, ORG, QuickstartFolder, USER } from './folder.js';
import { nextSteps } from './next-steps.js';
import { checkPorts, DEFAULT_FIRST_PORT, type Ports, portsFrom } from './ports.js';
import { Programs } from './programs.js';

const START_WITHIN_MS = 60_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const readOptions = (): { once: boolean; ports: Ports } => {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      ports: { type: 'string', default: String(DEFAULT_FIRST_PORT) },
    },
  });
  const first = Number(values.ports);
  if (!Number.isInteger(first) || first < 1024 || first > 65_000) {
    throw new AppError('usage', `--ports must be a number from 1024 to 65000, not '${values.ports}'`);
  }
  return { once: values.once, ports: portsFrom(first) };
};

const startChefServer = async (programs: Programs, folder: QuickstartFolder, ports: Ports): Promise<void> => {
  programs.start('the development Chef Server', folder.path('log', 'chef-server.log'), [
    'dist/test/dev-chef-server/main.js',
    ...['--folder', folder.path('chef'), '--port', String(ports.chef)],
    ...['--pushy-url', `http://127.0.0.1:${ports.api}`, '--org', ORG, '--user', USER],
    ...NODES.flatMap((node) => ['--node', node]),
  ]);
  const keys = ['pivotal', USER, ...NODES].map((name) => folder.keyOf(name));
  await eventually(() => keys.every((key) => existsSync(key)), { withinMs: START_WITHIN_MS });
};

const startServer = async (programs: Programs, folder: QuickstartFolder, ports: Ports): Promise<void> => {
  await folder.writeSecrets();
  programs.start('the server', folder.path('log', 'push-jobs-server.log'), [
    'dist/src/main.js',
    ...['--config', folder.writeServerConfig()],
  ]);
  const answers = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${ports.api}/pushy/_status`)).ok;
  await eventually(answers, { withinMs: START_WITHIN_MS, everyMs: 100 });
};

const startNodes = async (programs: Programs, folder: QuickstartFolder): Promise<void> => {
  for (const node of NODES) {
    programs.start(`the client of ${node}`, folder.path('log', `${node}.log`), [
      'dist/src/client/main.js',
      ...['-c', folder.writeClientSettings(node)],
    ]);
  }
  await waitForNodes(folder);
};

/** Starts everything and runs the first job; gives the job's id. */
const bringUp = async (programs: Programs, folder: QuickstartFolder, ports: Ports): Promise<string> => {
  await startChefServer(programs, folder, ports);
  say(`✓ development Chef Server on port ${ports.chef}`);
  await startServer(programs, folder, ports);
  say(
    `✓ push-jobs-server on ports ${ports.api} (REST), ${ports.command} (commands), ${ports.heartbeat} (heartbeats)`,
  );
  await startNodes(programs, folder);
  say(`✓ ${NODES.length} node clients: ${NODES.join(', ')}`);
  folder.writeWorkstation();
  return runFirstJob(folder);
};

type Outcome = { readonly jobId: string } | { readonly error: unknown } | 'interrupted';

/** Waits for the first of these: everything is up, something is wrong, or the user wants no more. */
const outcomeOf = (
  up: Promise<string>,
  death: Promise<AppError>,
  interrupted: Promise<void>,
): Promise<Outcome> =>
  Promise.race([
    death.then((error) => ({ error })),
    up.then(
      (jobId) => ({ jobId }),
      (error: unknown) => ({ error }),
    ),
    interrupted.then(() => 'interrupted' as const),
  ]);

const run = async (): Promise<void> => {
  const { once, ports } = readOptions();
  await checkPorts(ports);
  const folder = new QuickstartFolder(ports);
  const programs = new Programs();
  const interrupted = deferred();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.resolve());
  try {
    const outcome = await outcomeOf(bringUp(programs, folder, ports), programs.death, interrupted.promise);
    if (outcome === 'interrupted') throw new AppError('interrupted', 'stopped before the job had ended');
    if ('error' in outcome) throw outcome.error;
    if (once) {
      say('\nThe job succeeded on all nodes; stopping everything.');
      return;
    }
    say(nextSteps(folder, outcome.jobId));
    const death = await Promise.race([interrupted.promise, programs.death]);
    if (death !== undefined) throw death;
    say('\nStopping everything.');
  } finally {
    await programs.stop();
  }
};

run().then(
  () => process.exit(0),
  (thrown: unknown) => {
    process.stderr.write(`quickstart: ${messageOf(thrown)}\n`);
    process.exit(1);
  },
);
