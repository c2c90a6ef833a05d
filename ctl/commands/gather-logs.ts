import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, freemem, release, tmpdir, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '../../src/shared/lib/app-error.js';
import type { Command } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { runDoctor } from '../lib/doctor/run-doctor.js';
import { EXIT } from '../lib/exit-code.js';
import { DEFAULT_LOG_FOLDER, PACKAGE } from '../lib/paths.js';
import { Installation } from '../lib/installation.js';
import { outputOf } from '../lib/run-program.js';
import { fileTimestamp } from '../lib/secrets/old-secrets.js';
import { showSettings } from '../lib/settings/show-settings.js';

const PRIVATE = 0o600;
const PRIVATE_FOLDER = 0o700;
const TAR_TIMEOUT_MS = 600_000;
/** tar's exit code if a file grew or was rotated away during the read; the archive has everything else. */
const TAR_FILES_CHANGED = 1;

/** Packs what helps to find a fault, but no file that holds secrets. */
export const gatherLogs: Command = {
  name: 'gather-logs',
  group: 'general',
  summary:
    'Pack logs, settings and the state of this machine, but no secrets, into an archive in the current folder.',
  needsRoot: true,
  run: async (context) => {
    const { environment } = context;
    const name = `${PACKAGE}-logs-${fileTimestamp(new Date(environment.clock.now()))}`;
    const archive = join(environment.cwd, `${name}.tar.gz`);
    const draft = mkdtempSync(join(tmpdir(), `${PACKAGE}-`));
    try {
      await describe(context, join(draft, name));
      await pack(context, archive, ['-C', draft, name, ...logArguments(logFolderOf(context), name)]);
      context.print(archive);
      return EXIT.ok;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  },
};

/** Logs can be large: tar reads them in place and renames them in the archive. */
const logArguments = (logs: string, name: string): string[] =>
  existsSync(logs) ? [`--transform=s,^\\.(/|$),${name}/logs\\1,x`, '--exclude=lock', '-C', logs, '.'] : [];

/** Logs name users and machines, so nobody else may read the archive from the first byte on. */
const pack = async ({ environment }: CommandContext, archive: string, what: string[]): Promise<void> => {
  writeFileSync(archive, '', { mode: PRIVATE });
  chmodSync(archive, PRIVATE);
  const packed = await environment.run('tar', ['-czf', archive, ...what], { timeoutMs: TAR_TIMEOUT_MS });
  if (packed.code <= TAR_FILES_CHANGED) return;
  rmSync(archive);
  throw new AppError('tar', `cannot make ${archive}: ${outputOf(packed)}`);
};

/** Writes everything except the logs, one file each. */
const describe = async (context: CommandContext, folder: string): Promise<void> => {
  mkdirSync(folder, { mode: PRIVATE_FOLDER });
  const texts = {
    'settings.json': () => JSON.stringify(showSettings(context.loadSettings()), null, 2),
    'doctor.txt': async () =>
      (await runDoctor(new Installation(context, { superuserPassword: undefined }))).lines.join('\n'),
    'status.txt': async () => (await context.requireSupervisor().status()).text,
    'machine.txt': () => describeMachine(context),
  };
  for (const [file, text] of Object.entries(texts)) {
    writeFileSync(join(folder, file), `${await textOrReason(text)}\n`);
  }
};

/** Returns the log folder of the settings, or the default one if the settings are invalid. */
const logFolderOf = (context: CommandContext): string => {
  try {
    return context.loadSettings().folders.logs;
  } catch {
    return context.paths.under(DEFAULT_LOG_FOLDER); // settings.json in the archive says what is wrong with them
  }
};

/** A failed part must not keep the rest from being packed; its reason may be what the reader looks for. */
const textOrReason = async (text: () => string | Promise<string>): Promise<string> => {
  try {
    return await text();
  } catch (thrown) {
    return `not available: ${messageOf(thrown)}`;
  }
};

const describeMachine = async ({ environment }: CommandContext): Promise<string> => {
  const megabytes = (bytes: number): number => Math.floor(bytes / 1024 ** 2);
  const disks = await environment.run('df', ['-h']);
  return [
    `${PACKAGE} ${environment.installed.version}, Node.js ${process.version}`,
    `kernel ${release()} ${arch()}, up ${Math.floor(uptime())} s`,
    `memory ${megabytes(totalmem())} MB, free ${megabytes(freemem())} MB`,
    disks.stdout,
  ].join('\n');
};
