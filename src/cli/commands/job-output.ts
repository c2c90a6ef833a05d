import { isUtf8 } from 'node:buffer';
import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { readJobId } from '../job-id.js';
import { prefixLines } from '../output/prefix-lines.js';
import { printable } from '../output/printable.js';
import { type CapturedOutput, fetchOutputs, nothingKept, wantedNodes } from '../run/fetch-outputs.js';
import { saveOutputs } from '../run/save-outputs.js';
import { UsageError } from '../../shared/lib/usage-error.js';

const CHANNELS: readonly OutputChannel[] = ['stdout', 'stderr'];

interface OutputOptions {
  readonly nodes: readonly string[];
  readonly channel: OutputChannel | undefined;
  readonly prefix: boolean;
  readonly to: string | undefined;
}

const EPILOGUE = [
  'Of one node, one that is named or the only one of the job, the bytes are given as they are; of several, each has a',
  'heading: ==> NODE <==. With --to, the output of each node goes into files NODE.stdout and NODE.stderr; what a file',
  'should not be called is written as %XX.',
].join(' ');

/** Declares `job output`. */
export const addJobOutput = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'output <id> [nodes..]',
    'Show what a job with --capture wrote',
    (builder) =>
      builder
        .positional('id', { type: 'string', demandOption: true, describe: 'Id of the job' })
        .positional('nodes', {
          type: 'string',
          array: true,
          default: [],
          describe: 'Names of nodes (default: all that wrote something)',
        })
        .option('channel', {
          choices: CHANNELS,
          describe: 'Which (default: stdout; with --to, both)',
        })
        .option('prefix', {
          type: 'boolean',
          default: false,
          describe: 'Begin each line with the name of its node in place of headings',
        })
        .option('to', {
          type: 'string',
          requiresArg: true,
          describe: 'Write into files in this folder, made where it is missing',
        })
        .epilogue(EPILOGUE),
    (options) => choose(options, (context) => runOutput(context, readJobId(options.id), options)),
  );

const runOutput = (context: CommandContext, id: string, options: OutputOptions): Promise<number> => {
  if (options.to === undefined) return showOutputs(context, id, options);
  if (options.prefix) throw new UsageError('--prefix does not go with --to');
  return saveOutputs(context, {
    id,
    nodes: options.nodes,
    channels: options.channel === undefined ? CHANNELS : [options.channel],
    folder: options.to,
  });
};

const showOutputs = async (context: CommandContext, id: string, options: OutputOptions): Promise<number> => {
  const { stdout, stderr } = context.environment;
  const { channel = 'stdout' } = options;
  const isDocument = context.options.format !== 'summary';
  const nodes = await wantedNodes(context, id, options.nodes);
  const isRaw = nodes.length === 1 && !options.prefix;
  const documents: object[] = [];
  const without: string[] = [];
  let shown = 0;
  for await (const output of fetchOutputs(context, id, nodes, [channel])) {
    if (output.bytes === undefined) without.push(output.node);
    else if (isDocument) documents.push(asDocument(output, output.bytes));
    else if (isRaw) stdout.write(output.bytes);
    else if (options.prefix) stdout.write(prefixLines(`${output.node} | `, output.bytes));
    else stdout.write(withHeading(output.node, output.bytes, shown === 0));
    if (output.bytes !== undefined) shown++;
  }
  if (shown === 0) throw await nothingKept(context, id, channel, without);
  if (isDocument) context.writeResult(documents, () => []);
  if (options.nodes.length === 0 || without.length === 0) return EXIT.ok;
  stderr.write(`No ${channel} was kept for ${without.map(printable).join(', ')}\n`);
  return EXIT.failed;
};

const withHeading = (node: string, bytes: Buffer, isFirst: boolean): Buffer => {
  const heading = Buffer.from(`${isFirst ? '' : '\n'}==> ${printable(node)} <==\n`);
  const isLineOpen = bytes.length > 0 && bytes.at(-1) !== 0x0a;
  return Buffer.concat([heading, bytes, Buffer.from(isLineOpen ? '\n' : '')]);
};

/** JSON and YAML carry text alone; what is not UTF-8 goes in base64. */
const asDocument = ({ node, channel }: CapturedOutput, bytes: Buffer): object => ({
  node,
  channel,
  ...(isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') }),
});
