import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpuOf } from './cpu-time.js';
import type { LoadCounts } from './load-node.js';
import type { SimulatorReply, SimulatorRequest, SimulatorTask } from './simulator-messages.js';

/** Nodes per simulator process; each node needs four file descriptors. */
const NODES_PER_PROCESS = 2_000;

const SIMULATOR = new URL('./simulator.js', import.meta.url);

/** All simulated nodes, in as many processes as they need. Call `stop` at the end. */
export class SimulatedNodes {
  private readonly simulators: ChildProcess[] = [];

  constructor(private readonly task: SimulatorTask) {
    const processes = Math.ceil(task.nodes.length / NODES_PER_PROCESS);
    for (let index = 0; index < processes; index++) this.simulators.push(fork(SIMULATOR));
  }

  /** Fetches the configs of all nodes, many at a time. */
  async fetchConfigs(): Promise<void> {
    await Promise.all(
      this.simulators.map((simulator, index) => {
        const nodes = this.task.nodes.filter((_, position) => position % this.simulators.length === index);
        return ask(simulator, { type: 'fetch', task: { ...this.task, nodes } });
      }),
    );
  }

  /** Connects all nodes at once; from then on they send heartbeats and run jobs. */
  async connect(): Promise<void> {
    await Promise.all(this.simulators.map((simulator) => ask(simulator, { type: 'connect' })));
  }

  /** Counts of all nodes so far. */
  async counts(): Promise<LoadCounts> {
    const sum = { heartbeats: 0, commands: 0, serverHeartbeats: 0, unverified: 0 };
    for (const simulator of this.simulators) {
      const reply = await ask(simulator, { type: 'counts' });
      if (reply.type !== 'counts') continue;
      for (const name of Object.keys(sum) as (keyof LoadCounts)[]) sum[name] += reply.counts[name];
    }
    return sum;
  }

  /** Seconds of CPU of the simulators so far. */
  cpu(): number {
    return this.simulators.reduce((sum, { pid }) => sum + (pid === undefined ? 0 : cpuOf(pid)), 0);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.simulators.map(async (simulator) => {
        if (simulator.exitCode !== null || simulator.signalCode !== null) return;
        simulator.kill('SIGKILL');
        await once(simulator, 'exit');
      }),
    );
  }
}

/** Sends a request to a simulator and returns its reply; throws if the simulator fails or ends. */
const ask = async (simulator: ChildProcess, request: SimulatorRequest): Promise<SimulatorReply> => {
  const ended = once(simulator, 'exit').then((): SimulatorReply => ({ type: 'failed', reason: 'it ended' }));
  const replied = once(simulator, 'message').then(([reply]) => reply as SimulatorReply);
  simulator.send(request);
  const reply = await Promise.race([replied, ended]);
  if (reply.type === 'failed') throw new Error(`a simulator failed to ${request.type}: ${reply.reason}`);
  return reply;
};
