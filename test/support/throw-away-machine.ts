import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How a program on the machine ended. */
export interface MachineOutcome {
  readonly code: number | null;
  /** What it wrote to standard output and standard error. */
  readonly output: string;
}

/**
 * Makes the machine: this one's file system below a layer in memory that takes all changes, `/tmp` and `/run` empty,
 * `/packages` the folder $2, and nothing of this machine's Node.js. The first process only waits.
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
 * A machine of its own for tests that install packages: the same Debian, with its own files, processes and network, in
 * namespaces of the kernel. It needs root. What is changed on it is in memory and gone with it.
 */
export class ThrowAwayMachine {
  private constructor(
    private readonly boot: ChildProcess,
    private readonly layers: string,
    private readonly firstProcess: string,
  ) {}

  /** Starts one; `packages` is a folder that it sees as /packages. */
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
    const said = await Promise.race([
      once(boot.stdout, 'data').then(String),
      once(boot, 'exit').then(() => `no machine: ${String(boot.stderr.read())}`),
    ]);
    if (said.trim() !== 'booted') throw new Error(said);
    const firstProcess = readFileSync(`/proc/${boot.pid}/task/${boot.pid}/children`, 'utf8').trim();
    return new ThrowAwayMachine(boot, layers, firstProcess);
  }

  /** Runs a script of sh as root, to its end. What it starts in the background goes on; it must not hold the output. */
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

  /** Runs a script that must end with exit code 0, and hands back what it wrote. */
  async must(script: string): Promise<string> {
    const { code, output } = await this.run(script);
    if (code === 0) return output;
    throw new Error(`exit code ${code}: ${script}\n${output}`);
  }

  /** Ends all that runs on it; it is gone when this resolves. */
  async stop(): Promise<void> {
    this.boot.kill('SIGKILL'); // the kernel ends the first process with it, and all others with that
    await once(this.boot, 'exit');
    rmdirSync(this.layers);
  }
}
