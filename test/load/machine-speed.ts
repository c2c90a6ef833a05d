import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';
import { curveKeyPair, Router } from 'zeromq';
import { freePort } from '../support/free-port.js';
import { median } from './statistics.js';

/** Speed of the machine, other load included. */
export interface MachineSpeed {
  /** Messages per second that plain zeromq.js receives over Curve from another process. */
  readonly messages: number;
  /** Rows per second that PostgreSQL commits one by one. */
  readonly commits: number;
}

/** Message to the sender process. */
export interface SenderTask {
  readonly address: string;
  /** Z85. */
  readonly serverKey: string;
}

const SENDER = new URL('./message-sender.js', import.meta.url);

/** Size of a sample; one takes about 70 ms. */
const MESSAGES = 4_000;
const COMMITS = 60;

/**
 * Measures how fast the machine is during a measurement: the median of samples in between. The speed of a shared machine
 * changes by half within minutes, so that a figure says nothing without it. Close it at the end.
 */
export class MachineProbe {
  private readonly samples: MachineSpeed[] = [];
  private rows = 0;

  private constructor(
    private readonly sender: ChildProcess,
    private readonly receiver: Router,
    private readonly database: pg.Client,
  ) {}

  /** `databaseUrl` is of a superuser; the probe creates a normal table there and drops it in `close`. */
  static async open(databaseUrl: string): Promise<MachineProbe> {
    const keys = curveKeyPair();
    const address = `tcp://127.0.0.1:${await freePort()}`;
    const receiver = new Router({
      curveServer: true,
      curvePublicKey: keys.publicKey,
      curveSecretKey: keys.secretKey,
      receiveHighWaterMark: 0,
    });
    await receiver.bind(address);
    const sender = fork(SENDER);
    sender.send({ address, serverKey: keys.publicKey } satisfies SenderTask);
    const database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
    await database.query('CREATE TABLE machine_speed (id text PRIMARY KEY, value integer NOT NULL)');
    const probe = new MachineProbe(sender, receiver, database);
    await probe.sample();
    probe.samples.length = 0; // the first sample is slower
    return probe;
  }

  /** Takes one sample. */
  async sample(): Promise<void> {
    this.samples.push({ messages: await this.measureMessages(), commits: await this.measureCommits() });
  }

  /** Medians of all samples. */
  speed(): MachineSpeed {
    return {
      messages: median(this.samples.map(({ messages }) => messages)),
      commits: median(this.samples.map(({ commits }) => commits)),
    };
  }

  async close(): Promise<void> {
    this.sender.kill();
    this.receiver.close();
    await this.database.query('DROP TABLE machine_speed');
    await this.database.end();
  }

  private async measureMessages(): Promise<number> {
    const sent = once(this.sender, 'message');
    this.sender.send(MESSAGES);
    await this.receiver.receive(); // the measurement starts with the first message
    const start = performance.now();
    for (let received = 1; received < MESSAGES; received++) await this.receiver.receive();
    const seconds = (performance.now() - start) / 1000;
    await sent;
    return (MESSAGES - 1) / seconds;
  }

  private async measureCommits(): Promise<number> {
    const start = performance.now();
    for (let count = 0; count < COMMITS; count++) {
      await this.database.query({
        name: 'commit-one',
        text: 'INSERT INTO machine_speed VALUES ($1, $2)',
        values: [`row-${this.rows++}`, count],
      });
    }
    return COMMITS / ((performance.now() - start) / 1000);
  }
}
