import { PushJobsClient } from '../shared/api-client/push-jobs-client.js';
import { AppError } from '../shared/lib/app-error.js';
import type { CliEnvironment, OutputStream } from './cli-environment.js';
import { type Connection, resolveConnection } from './credentials/resolve-connection.js';
import type { GlobalOptions } from './global-options.js';
import { formatDocument } from './output/document.js';

/** What a command works with: the world around it, the options that all commands have, and the server. */
export class CommandContext {
  private resolved: Connection | undefined;
  private openClient: PushJobsClient | undefined;

  constructor(
    readonly environment: CliEnvironment,
    readonly options: GlobalOptions,
  ) {}

  /** The server; made at first use, so that what is wrong with a command's own arguments is said first. */
  get client(): PushJobsClient {
    return (this.openClient ??= this.open(this.connection));
  }

  /** How the server is reached; throws an AppError where something for that is missing or wrong. */
  get connection(): Connection {
    return (this.resolved ??= resolveConnection(this.options, this.environment));
  }

  /** In words, where the server's address and the user come from; undefined before the first use of the client. */
  get connectionDescription(): string | undefined {
    return this.resolved?.description;
  }

  /** Where the story of what happens goes: with a document on standard output, it must not get in between. */
  get storyStream(): OutputStream {
    const { stdout, stderr } = this.environment;
    return this.options.format === 'summary' ? stdout : stderr;
  }

  /** Tells a line of what happens, unless somebody asked for silence. */
  tell(line: string): void {
    if (!this.options.quiet) this.storyStream.write(`${line}\n`);
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
    const { profile, serverUrl, org, user, key } = this.options;
    const flags = { profile, 'server-url': serverUrl, org, user, key };
    const given = Object.entries(flags).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name} ${shellWord(value)}`],
    );
    return ['push-jobs', command, ...given].join(' ');
  }

  private open({ client, description }: Connection): PushJobsClient {
    try {
      return new PushJobsClient(client);
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      throw new AppError(thrown.code, `${thrown.message}\nIt was to be used: ${description}`);
    }
  }

  /** Closes the connections to the server. */
  async close(): Promise<void> {
    await this.openClient?.close();
  }
}

/** The text as one word of a shell's command line. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
