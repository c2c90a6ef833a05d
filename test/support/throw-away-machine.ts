import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Result of a script on the machine. */
export interface MachineOutcome {
  readonly code: number | null;
  /** Standard output and standard error. */
  readonly output: string;
}

/**
 * Creates the machine: the file system of this machine below a layer in memory that takes all changes, empty `/tmp` and
 * `/run`, folder $2 as `/packages`, and no Node.js. Its first process only waits.
 */
const BOOT = `set -e
layers=$1; root=$1/root
mount -t tmpfs layers "$layers"
mkdir "$layers/changes" "$layers/work" "$root"
mount -t overlay root -o "lowerdir=/,upperdir=$layers/changes,workdir=$layers/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs run "$root/run"
mount -t tmpfs tmp "$root/tmp"
chmod 1777 "$root/tmp"
mkdir "$root/packages"
mount --bind "$2" "$root/packages"
rm -f "$root/usr/local/bin/node" "$root/usr/bin/node" "$root/usr/bin/nodejs"
ip link set lo up
hostname chef.example.com
echo 127.0.0.1 localhost chef.example.com > "$root/etc/hosts"
exec chroot "$root" sh -c 'echo booted; exec sleep infinity'`;

/**
 * A temporary machine for tests that install packages: the same Debian with its own files, processes and network, made
 * of kernel namespaces. It needs root. All changes are in memory and disappear with it.
 */
export class ThrowAwayMachine {
  private constructor(
    private readonly boot: ChildProcess,
    private readonly layers: string,
    private readonly firstProcess: string,
  ) {}

  /** Starts a machine; the folder `packages` is its /packages. */
  static async start(packages: string): Promise<ThrowAwayMachine> {
    const layers = mkdtempSync(join(tmpdir(), 'throw-away-machine-'));
    const boot = spawn(
      'unshare',
      [
        '--mount',
        '--pid',
        '--net',
        '--uts',
        '--ipc',
        '--fork',
        '--kill-child',
        'sh',
        '-c',
        BOOT,
        'boot',
        layers,
        packages,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const output = await Promise.race([
      once(boot.stdout, 'data').then(String),
      once(boot, 'exit').then(() => `the machine did not start: ${String(boot.stderr.read())}`),
    ]);
    if (output.trim() !== 'booted') throw new Error(output);
    const firstProcess = readFileSync(`/proc/${boot.pid}/task/${boot.pid}/children`, 'utf8').trim();
    return new ThrowAwayMachine(boot, layers, firstProcess);
  }

  /** Runs a shell script as root, to its end. Background processes continue; they must not keep the output open. */
  async run(script: string): Promise<MachineOutcome> {
    const target = [
      '--target',
      this.firstProcess,
      '--mount',
      '--pid',
      '--net',
      '--uts',
      '--ipc',
      '--root',
      '--wd',
    ];
    const shell = spawn('nsenter', [...target, 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        LC_ALL: 'C',
      },
    });
    const chunks: Buffer[] = [];
    for (const stream of [shell.stdout, shell.stderr])
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [code] = (await once(shell, 'close')) as [number | null];
    return { code, output: Buffer.concat(chunks).toString('utf8') };
  }

  /** Runs a script and returns its output; throws if the exit code is not 0. */
  async mustRun(script: string): Promise<string> {
    const { code, output } = await this.run(script);
    if (code === 0) return output;
    throw new Error(`exit code ${code}: ${script}\n${output}`);
  }

  /** Ends all processes of the machine and removes it. */
  async stop(): Promise<void> {
    this.boot.kill('SIGKILL'); // the kernel then ends the first process, and with it all others
    await once(this.boot, 'exit');
    rmdirSync(this.layers);
  }
}
