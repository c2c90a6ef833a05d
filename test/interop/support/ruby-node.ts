import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { eventually } from '../../support/eventually.js';
import { rubyProgram } from './ruby.js';

/** Identity and whitelist of a Ruby node. */
export interface RubyNodeOptions {
  /** Base URL of the server's REST API, like `http://127.0.0.1:10003`. */
  readonly server: string;
  readonly org: string;
  readonly node: string;
  /** The node's private key. */
  readonly key: KeyObject;
  /** Signing version of its config request (default 1.1, as clients in the field use). */
  readonly signing?: '1.0' | '1.1' | '1.3';
  /** Shell commands by job name. */
  readonly whitelist?: Readonly<Record<string, string>>;
}

/** A line of the node's output: an event. */
export interface RubyNodeEvent {
  readonly event:
    | 'configured'
    | 'config_rejected'
    | 'server_heartbeat'
    | 'received'
    | 'sent'
    | 'dropped'
    | 'offline'
    | 'online'
    | 'stopped';
  readonly message?: Readonly<Record<string, unknown>> & { readonly type: string };
  readonly reason?: string;
  readonly sequence?: number;
  readonly incarnation_id?: string;
}

/** An independent node in Ruby (push_node.rb) in its own process. Stop it at the end of the test. */
export class RubyNode {
  /** All events so far. */
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

  /** Waits for the first event that matches, past events included; errors contain all events. */
  async event(matches: (event: RubyNodeEvent) => boolean, withinMs = 30_000): Promise<RubyNodeEvent> {
    try {
      return await eventually(() => this.events.find(matches), { withinMs });
    } catch (thrown) {
      const events = this.events.map((event) => JSON.stringify(event)).join('\n');
      throw new Error(`no event matches; events of the Ruby node:\n${events}\n${this.stderr}`, {
        cause: thrown,
      });
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

  /** Stops the node with TERM; resolves to the exit code, null after a signal. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended();
  }

  /** Waits for the end of the node; resolves to the exit code. */
  async ended(): Promise<number | null> {
    await this.closed;
    return this.child.exitCode;
  }
}
