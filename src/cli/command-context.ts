import { PushJobsClient } from '../api-client/push-jobs-client.js';
import type { CliEnvironment, OutputStream } from './cli-environment.js';
import { type Connection, resolveConnection } from './credentials/resolve-connection.js';
import type { GlobalOptions } from './global-options.js';
import { formatDocument } from './output/document.js';

/** What a command works with: the world around it, the options that all commands have, and the server. */
export class CommandContext {
  private connection: Connection | undefined;
  private openClient: PushJobsClient | undefined;

  constructor(
    readonly environment: CliEnvironment,
    readonly options: GlobalOptions,
  ) {}

  /** The server; made at first use, so that what is wrong with a command's own arguments is said first. */
  get client(): PushJobsClient {
    this.connection ??= resolveConnection(this.options, this.environment);
    return (this.openClient ??= new PushJobsClient(this.connection.client));
  }

  /** In words, where the server's address and the user come from; undefined before the first use of the client. */
  get connectionDescription(): string | undefined {
    return this.connection?.description;
  }

  /** Where the story of what happens goes: with a document on standard output, it must not get in between. */
  get storyStream(): OutputStream {
    const { stdout, stderr } = this.environment;
    return this.options.format === 'summary' ? stdout : stderr;
  }

  /** Writes the result: lines for people, or a document of `value` for programs. */
  writeResult(value: unknown, lines: () => readonly string[]): void {
    const { stdout } = this.environment;
    const { format } = this.options;
    if (format !== 'summary') stdout.write(formatDocument(format, value));
    else
      stdout.write(
        lines()
          .map((line) => `${line}\n`)
          .join(''),
      );
  }

  /** A command line for the user to run next, with the flags by which this one reached the server. */
  nextCommand(command: string): string {
    const { profile, serverUrl, user, key } = this.options;
    const flags = { profile, 'server-url': serverUrl, user, key };
    const given = Object.entries(flags).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name} ${value}`],
    );
    return ['push-jobs', command, ...given].join(' ');
  }

  /** Closes the connections to the server. */
  async close(): Promise<void> {
    await this.openClient?.close();
  }
}
