import { isUtf8 } from 'node:buffer';
import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import type { ChooseCommand, CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { parseJobId } from '../job-id.js';
import { prefixLines } from '../output/prefix-lines.js';
import { printable } from '../output/printable.js';
import {
  type CapturedOutput,
  explainMissing,
  fetchOutputs,
  noOutputError,
  selectOutputNodes,
} from '../run/fetch-outputs.js';
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
  'The output of a single node is printed unchanged. The outputs of several nodes have a heading each: ==> NODE <==.',
  'With --to, the output of each node is written to the files NODE.stdout and NODE.stderr; special characters in file',
  'names are written as %XX.',
].join(' ');

/** Declares `job output`. */
export const addJobOutput = (yargs: GlobalArgv, choose: ChooseCommand): GlobalArgv =>
  yargs.command(
    'output <id> [nodes..]',
    'Show the captured output of a job',
    (builder) =>
      builder
        .positional('id', { type: 'string', demandOption: true, describe: 'ID of the job' })
        .positional('nodes', {
          type: 'string',
          array: true,
          default: [],
          describe: 'Names of nodes (default: all nodes with captured output)',
        })
        .option('channel', {
          choices: CHANNELS,
          describe: 'Output channel (default: stdout; with --to, both)',
        })
        .option('prefix', {
          type: 'boolean',
          default: false,
          describe: 'Print the node name before each line instead of headings',
        })
        .option('to', {
          type: 'string',
          requiresArg: true,
          describe: 'Write the output to files in this folder; creates the folder if it does not exist',
        })
        .epilogue(EPILOGUE),
    (options) => choose(options, (context) => runOutput(context, parseJobId(options.id), options)),
  );

const runOutput = (context: CommandContext, id: string, options: OutputOptions): Promise<number> => {
  if (options.to === undefined) return showOutputs(context, id, options);
  if (options.prefix) throw new UsageError('--prefix cannot be used with --to');
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
  const nodes = await selectOutputNodes(context, id, options.nodes);
  const isRaw = nodes.length === 1 && !options.prefix;
  const documents: object[] = [];
  const missing: string[] = [];
  let shownCount = 0;
  for await (const output of fetchOutputs(context, id, nodes, [channel])) {
    if (output.bytes === undefined) missing.push(output.node);
    else if (isDocument) documents.push(toDocument(output, output.bytes));
    else if (isRaw) stdout.write(output.bytes);
    else if (options.prefix) stdout.write(prefixLines(`${output.node} | `, output.bytes));
    else stdout.write(withHeading(output.node, output.bytes, shownCount === 0));
    if (output.bytes !== undefined) shownCount++;
  }
  if (shownCount === 0) throw await noOutputError(context, id, channel, missing);
  if (isDocument) context.writeResult(documents, () => []);
  const explanation = await explainMissing(context, id, missing);
  if (options.nodes.length > 0 && missing.length > 0)
    stderr.write(`No captured ${channel} for ${missing.map(printable).join(', ')}\n`);
  stderr.write(explanation);
  return options.nodes.length === 0 || missing.length === 0 ? EXIT.ok : EXIT.failed;
};

const withHeading = (node: string, bytes: Buffer, isFirst: boolean): Buffer => {
  const heading = Buffer.from(`${isFirst ? '' : '\n'}==> ${printable(node)} <==\n`);
  const lacksLineBreak = bytes.length > 0 && bytes.at(-1) !== 0x0a;
  return Buffer.concat([heading, bytes, Buffer.from(lacksLineBreak ? '\n' : '')]);
};

/** JSON and YAML contain text only, so bytes that are not UTF-8 are encoded in base64. */
const toDocument = ({ node, channel }: CapturedOutput, bytes: Buffer): object => ({
  node,
  channel,
  ...(isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') }),
});
