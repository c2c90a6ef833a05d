import { PushJobsClient } from '../shared/api-client/push-jobs-client.js';
import { AppError } from '../shared/lib/app-error.js';
import type { CliEnvironment, OutputStream } from './cli-environment.js';
import { type Connection, resolveConnection } from './credentials/resolve-connection.js';
import type { GlobalOptions } from './global-options.js';
import { formatDocument } from './output/document.js';

/** Runs a command to its end and resolves to the exit code; an AppError that it throws is shown to the user. */
export type RunCommand = (context: CommandContext) => Promise<number>;

/** Selects the command to run. A command's handler calls it; the command runs after the whole line is parsed. */
export type ChooseCommand = (options: GlobalOptions, run: RunCommand) => void;

/** What a command works with: the process environment, the global options, the output and the server. */
export class CommandContext {
  private resolvedConnection: Connection | undefined;
  private createdClient: PushJobsClient | undefined;

  constructor(
    readonly environment: CliEnvironment,
    readonly options: GlobalOptions,
  ) {}

  /** The API client; created at first use, so that errors in a command's own arguments are reported first. */
  get client(): PushJobsClient {
    return (this.createdClient ??= this.createClient(this.connection));
  }

  /** The connection settings; throws an AppError if one is missing or invalid. */
  get connection(): Connection {
    return (this.resolvedConnection ??= resolveConnection(this.options, this.environment));
  }

  /** Says where the server URL, user and key come from; undefined before the first use of the client. */
  get connectionDescription(): string | undefined {
    return this.resolvedConnection?.description;
  }

  /** The stream for progress messages: standard error if standard output carries a document. */
  get progressStream(): OutputStream {
    const { stdout, stderr } = this.environment;
    return this.options.format === 'summary' ? stdout : stderr;
  }

  /** Writes a progress message, unless `--quiet` is set. */
  report(line: string): void {
    if (!this.options.quiet) this.progressStream.write(`${line}\n`);
  }

  /** Writes the result: `lines` for people, or a document of `value` for programs. */
  writeResult(value: unknown, lines: () => readonly string[]): void {
    const { format } = this.options;
    const text =
      format === 'summary'
        ? lines()
            .map((line) => `${line}\n`)
            .join('')
        : formatDocument(format, value);
    this.environment.stdout.write(text);
  }

  /** Returns a command line for the user to run next, with the connection options of this run. */
  suggestedCommand(command: string): string {
    const { profile, serverUrl, org, user, key } = this.options;
    const options = Object.entries({ profile, 'server-url': serverUrl, org, user, key }).flatMap(
      ([name, value]) => (value === undefined ? [] : [`--${name} ${quoteForShell(value)}`]),
    );
    return ['push-jobs', command, ...options].join(' ');
  }

  private createClient({ client, description }: Connection): PushJobsClient {
    try {
      return new PushJobsClient(client);
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      throw new AppError(thrown.code, `${thrown.message}\nConnection settings: ${description}`);
    }
  }

  /** Closes the connections to the server. */
  async close(): Promise<void> {
    await this.createdClient?.close();
  }
}

const quoteForShell = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
