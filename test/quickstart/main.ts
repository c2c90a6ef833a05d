import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AppError, messageOf } from '../../src/shared/lib/app-error.js';
import { deferred } from '../../src/shared/lib/deferred.js';
import { eventually } from '../support/eventually.js';
import { runFirstJob, waitForNodes } from './first-job.js';
import { NODES, ORG, QuickstartFolder, USER } from './folder.js';
import { nextSteps } from './next-steps.js';
import { type Ports, portsFrom } from './ports.js';
import { type UnexpectedExit, Programs } from './programs.js';

const START_WITHIN_MS = 60_000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** bootstrap.mjs has validated them. */
const readOptions = (): { once: boolean; watch: boolean; ports: Ports } => {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      watch: { type: 'boolean', default: false },
      ports: { type: 'string' },
    },
  });
  return { once: values.once, watch: values.watch, ports: portsFrom(Number(values.ports)) };
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
    'dist/src/server/main.js',
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

/** Starts everything and runs the first job; resolves to the job's id. */
const startAll = async (programs: Programs, folder: QuickstartFolder, ports: Ports): Promise<string> => {
  await startChefServer(programs, folder, ports);
  print(`✓ development Chef Server on port ${ports.chef}`);
  await startServer(programs, folder, ports);
  print(
    `✓ push-jobs-server on ports ${ports.api} (REST), ${ports.command} (commands), ${ports.heartbeat} (heartbeats)`,
  );
  await startNodes(programs, folder);
  print(`✓ ${NODES.length} node clients: ${NODES.join(', ')}`);
  folder.writeWorkstation();
  return runFirstJob(folder);
};

type Outcome = { readonly jobId: string } | { readonly error: unknown } | 'interrupted';

/** Waits for the first of these: everything is up, a program has died, or the user interrupts. */
const outcomeOf = (
  up: Promise<string>,
  death: Promise<UnexpectedExit>,
  interrupted: Promise<void>,
): Promise<Outcome> =>
  Promise.race([
    death.then(({ name, log }) => ({
      error: new AppError('program_died', `${name} ended unexpectedly; the end of its log:\n${log}`),
    })),
    up.then(
      (jobId) => ({ jobId }),
      (error: unknown) => ({ error }),
    ),
    interrupted.then(() => 'interrupted' as const),
  ]);

/** Once everything is up a program may end, so that users can see how the others react. */
const reportExit = ({ name, log, command }: UnexpectedExit): void =>
  print(`\n${name} ended; the end of its log:\n${log}\nStart it again with: ${command}`);

const run = async (): Promise<void> => {
  const { once, watch, ports } = readOptions();
  const folder = new QuickstartFolder(ports);
  const firstDeath = deferred<UnexpectedExit>();
  let isUp = false;
  const programs = new Programs(
    (death) => (isUp ? reportExit(death) : firstDeath.resolve(death)),
    watch ? ['--watch', '--watch-preserve-output'] : [],
  );
  const interrupted = deferred();
  process.on('message', () => interrupted.resolve()).on('disconnect', () => interrupted.resolve());
  try {
    const outcome = await outcomeOf(
      startAll(programs, folder, ports),
      firstDeath.promise,
      interrupted.promise,
    );
    if (outcome === 'interrupted') throw new AppError('interrupted', 'stopped before the job had ended');
    if ('error' in outcome) throw outcome.error;
    if (once) {
      print('\nThe job succeeded on all nodes; stopping everything.');
      return;
    }
    isUp = true;
    print(nextSteps(folder, outcome.jobId));
    if (watch)
      print('Each change of the source is compiled, and the programs that it concerns are restarted.\n');
    await interrupted.promise;
    print('\nStopping everything.');
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
