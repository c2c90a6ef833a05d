import { isUtf8 } from 'node:buffer';
import { AppError } from '../../lib/app-error.js';
import type { OutputChannel } from '../../api-client/push-jobs-client.js';
import type { ChooseCommand } from '../command.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import type { GlobalArgv } from '../global-options.js';
import { readJobId } from '../job-id.js';
import { printable } from '../output/printable.js';
import { nodesByStatus } from '../output/render-job.js';
import { unwrap } from '../unwrap.js';

const CHANNELS: readonly OutputChannel[] = ['stdout', 'stderr'];

const DEFAULTS: { readonly channel: OutputChannel } = { channel: 'stdout' };

interface CapturedOutput {
  readonly node: string;
  readonly bytes: Buffer;
}

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
          default: DEFAULTS.channel,
          describe: 'Which',
        })
        .epilogue(
          'Of one node the bytes are given as they are; of several, each has a heading: ==> NODE <==',
        ),
    (options) =>
      choose(options, (context) =>
        showOutput(context, readJobId(options.id), options.nodes, options.channel),
      ),
  );

const showOutput = async (
  context: CommandContext,
  id: string,
  named: readonly string[],
  channel: OutputChannel,
): Promise<number> => {
  const nodes = named.length > 0 ? [...new Set(named)] : await nodesOf(context, id);
  const outputs: CapturedOutput[] = [];
  const without: string[] = [];
  for (const node of nodes) {
    const output = await context.client.getOutput(id, node, channel);
    if (output.ok) outputs.push({ node, bytes: output.value });
    else if (output.error.code === 'not_found') without.push(node);
    else throw output.error;
  }
  if (outputs.length === 0) {
    throw new AppError(
      'no_output',
      `no ${channel} of job ${id} was kept for ${nodes.map(printable).join(', ')}. Output is kept of jobs that are started with --capture, once a node is done`,
    );
  }
  writeOutputs(context, outputs, channel, named.length === 1);
  if (named.length === 0 || without.length === 0) return EXIT.ok;
  context.environment.stderr.write(`No ${channel} was kept for ${without.map(printable).join(', ')}\n`);
  return EXIT.failed;
};

const nodesOf = async ({ client }: CommandContext, id: string): Promise<string[]> => {
  const job = unwrap(await client.getJob(id));
  return nodesByStatus(job)
    .flatMap(([, nodes]) => nodes)
    .sort();
};

const writeOutputs = (
  context: CommandContext,
  outputs: readonly CapturedOutput[],
  channel: OutputChannel,
  isRaw: boolean,
): void => {
  const { stdout } = context.environment;
  if (context.options.format !== 'summary') {
    context.writeResult(
      outputs.map((output) => ({ node: output.node, channel, ...asDocument(output.bytes) })),
      () => [],
    );
    return;
  }
  outputs.forEach(({ node, bytes }, index) => {
    if (!isRaw) stdout.write(`${index === 0 ? '' : '\n'}==> ${printable(node)} <==\n`);
    stdout.write(bytes);
    if (!isRaw && bytes.length > 0 && !bytes.toString('latin1').endsWith('\n')) stdout.write('\n');
  });
};

/** JSON and YAML carry text alone; what is not UTF-8 goes in base64. */
const asDocument = (bytes: Buffer): { text: string } | { base64: string } =>
  isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') };
