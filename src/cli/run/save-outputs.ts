import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { fileNameOf } from '../output/file-name.js';
import { printable } from '../output/printable.js';
import { plural } from '../output/render-job.js';
import { explainMissing, fetchOutputs, noOutputError, selectOutputNodes } from './fetch-outputs.js';

/** Which output to save, and where. */
export interface SaveRequest {
  readonly id: string;
  /** All nodes of the job if empty. */
  readonly nodes: readonly string[];
  readonly channels: readonly OutputChannel[];
  readonly folder: string;
}

interface SavedFile {
  readonly node: string;
  readonly channel: OutputChannel;
  readonly file: string;
  readonly bytes: number;
}

/**
 * Writes captured output to files `NODE.stdout` and `NODE.stderr` in a folder; resolves to the exit code. Throws an
 * AppError if there is no captured output or a file cannot be written.
 */
export const saveOutputs = async (context: CommandContext, request: SaveRequest): Promise<number> => {
  const { id, channels, folder } = request;
  const path = resolve(context.environment.cwd, folder);
  const saved: SavedFile[] = [];
  const missing = new Map<string, OutputChannel[]>();
  const nodes = await selectOutputNodes(context, id, request.nodes);
  for await (const { node, channel, bytes } of fetchOutputs(context, id, nodes, channels)) {
    if (bytes === undefined) missing.set(node, [...(missing.get(node) ?? []), channel]);
    else saved.push({ node, channel, file: await save(path, node, channel, bytes), bytes: bytes.length });
  }
  if (saved.length === 0) throw await noOutputError(context, id, channels.join(' or '), [...missing.keys()]);
  const nodeCount = new Set(saved.map(({ node }) => node)).size;
  context.writeResult(saved, () =>
    context.options.quiet
      ? saved.map(({ file }) => printable(file))
      : [
          `Wrote ${plural(saved.length, 'file')} with the output of ${plural(nodeCount)} to ${printable(path)}`,
        ],
  );
  for (const [node, missingChannels] of missing)
    context.environment.stderr.write(`No captured ${missingChannels.join(' or ')} for ${printable(node)}\n`);
  context.environment.stderr.write(await explainMissing(context, id, [...missing.keys()]));
  return missing.size === 0 || request.nodes.length === 0 ? EXIT.ok : EXIT.failed;
};

const save = async (folder: string, node: string, channel: OutputChannel, bytes: Buffer): Promise<string> => {
  const file = join(folder, `${fileNameOf(node)}.${channel}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(file, bytes);
    return file;
  } catch (thrown) {
    throw new AppError('file_unwritable', `cannot write ${file}: ${messageOf(thrown)}`);
  }
};
