import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';
import { curveKeyPair, Router } from 'zeromq';
import { freePort } from '../support/free-port.js';
import { median } from './statistics.js';

/** How fast the machine is, whatever runs on it. */
export interface MachineSpeed {
  /** Messages that bare zeromq.js receives in a second, by Curve, from another process. */
  readonly messages: number;
  /** Rows that PostgreSQL commits in a second, each on its own. */
  readonly commits: number;
}

/** What the sender is told. */
export interface SenderTask {
  readonly address: string;
  /** Z85. */
  readonly serverKey: string;
}

const SENDER = new URL('./message-sender.js', import.meta.url);

/** A sample takes some 70 ms in all. */
const MESSAGES = 4_000;
const COMMITS = 60;

/**
 * Tells how fast the machine is while something is measured on it: samples are taken in between, and the medians count. A
 * machine with neighbours swings by half within minutes; without this a figure says nothing. Close it at the end.
 */
export class MachineProbe {
  private readonly samples: MachineSpeed[] = [];
  private rows = 0;

  private constructor(
    private readonly sender: ChildProcess,
    private readonly receiver: Router,
    private readonly database: pg.Client,
  ) {}

  /** `databaseUrl`: of a superuser; a temporary table like any other is made there, of the usual durability. */
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
    probe.samples.length = 0; // what is done for the first time takes longer
    return probe;
  }

  /** Measures once. */
  async sample(): Promise<void> {
    this.samples.push({ messages: await this.receive(), commits: await this.commit() });
  }

  /** The medians of all samples. */
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

  private async receive(): Promise<number> {
    const sent = once(this.sender, 'message');
    this.sender.send(MESSAGES);
    await this.receiver.receive(); // the clock starts when the sender is at it
    const start = performance.now();
    for (let received = 1; received < MESSAGES; received++) await this.receiver.receive();
    const seconds = (performance.now() - start) / 1000;
    await sent;
    return (MESSAGES - 1) / seconds;
  }

  private async commit(): Promise<number> {
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
