import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { eventually } from '../../support/eventually.js';
import { rubyProgram } from './ruby.js';

/** Who a Ruby node is and what it may run. */
export interface RubyNodeOptions {
  /** Base URL of the server's REST API, like `http://127.0.0.1:10003`. */
  readonly server: string;
  readonly org: string;
  readonly node: string;
  /** The node's private key. */
  readonly key: KeyObject;
  /** How it signs its config request; default 1.1, as clients in the field do. */
  readonly signing?: '1.0' | '1.1' | '1.3';
  /** Job names and the shell commands that they stand for. */
  readonly whitelist?: Readonly<Record<string, string>>;
}

/** A line that the node wrote: something that happened to it. */
export interface RubyNodeEvent {
  readonly event:
    | 'configured'
    | 'config_refused'
    | 'server_heartbeat'
    | 'received'
    | 'sent'
    | 'refused'
    | 'offline'
    | 'online'
    | 'stopped';
  readonly message?: Readonly<Record<string, unknown>> & { readonly type: string };
  readonly reason?: string;
  readonly sequence?: number;
  readonly incarnation_id?: string;
}

/** An independent node in Ruby (push_node.rb), as a process of its own. Stop it when the test is over. */
export class RubyNode {
  /** All that has happened to it so far. */
  readonly events: RubyNodeEvent[] = [];
  private stderr = '';
  private readonly closed: Promise<unknown>;

  private constructor(private readonly child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.closed = once(child, 'close');
    createInterface(child.stdout).on('line', (line) => this.events.push(JSON.parse(line) as RubyNodeEvent));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (this.stderr += chunk));
  }

  static start({ signing = '1.1', whitelist = {}, key, ...rest }: RubyNodeOptions): RubyNode {
    const child = spawn('ruby', [rubyProgram('push_node.rb')], { stdio: ['pipe', 'pipe', 'pipe'] });
    const pem = key.export({ type: 'pkcs1', format: 'pem' });
    child.stdin.end(JSON.stringify({ ...rest, key: pem, signing, whitelist }));
    return new RubyNode(child);
  }

  /** The first event, past or to come within `withinMs`, that fits; throws with all that it did write where none does. */
  async event(fits: (event: RubyNodeEvent) => boolean, withinMs = 30_000): Promise<RubyNodeEvent> {
    try {
      return await eventually(() => this.events.find(fits), { withinMs });
    } catch (thrown) {
      const told = this.events.map((event) => JSON.stringify(event)).join('\n');
      throw new Error(`the Ruby node did not do so; it told:\n${told}\n${this.stderr}`, { cause: thrown });
    }
  }

  /** Waits until it has received a message of this type. */
  received(type: string): Promise<RubyNodeEvent> {
    return this.event((event) => event.event === 'received' && event.message?.type === type);
  }

  /** Waits until it has sent a message of this type. */
  sent(type: string): Promise<RubyNodeEvent> {
    return this.event((event) => event.event === 'sent' && event.message?.type === type);
  }

  /** Sends TERM; resolves to the exit code, null where a signal ended it. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended();
  }

  /** Resolves to the exit code when it has ended. */
  async ended(): Promise<number | null> {
    await this.closed;
    return this.child.exitCode;
  }
}
