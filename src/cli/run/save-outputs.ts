import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import { AppError, messageOf } from '../../shared/lib/app-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { fileNameOf } from '../output/file-name.js';
import { printable } from '../output/printable.js';
import { plural } from '../output/render-job.js';
import { fetchOutputs, nothingKept, wantedNodes } from './fetch-outputs.js';

/** Which output to save, and where. */
export interface SaveRequest {
  readonly id: string;
  /** All of the job where none is named. */
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
 * Writes what nodes wrote into files `NODE.stdout` and `NODE.stderr` of a folder, and gives the exit code. Throws an
 * AppError where nothing was kept or a file cannot be written.
 */
export const saveOutputs = async (context: CommandContext, request: SaveRequest): Promise<number> => {
  const { id, channels, folder } = request;
  const path = resolve(context.environment.cwd, folder);
  const saved: SavedFile[] = [];
  const without = new Map<string, OutputChannel[]>();
  const nodes = await wantedNodes(context, id, request.nodes);
  for await (const { node, channel, bytes } of fetchOutputs(context, id, nodes, channels)) {
    if (bytes === undefined) without.set(node, [...(without.get(node) ?? []), channel]);
    else saved.push({ node, channel, file: await save(path, node, channel, bytes), bytes: bytes.length });
  }
  if (saved.length === 0) throw await nothingKept(context, id, channels.join(' or '), [...without.keys()]);
  const savedNodes = new Set(saved.map(({ node }) => node)).size;
  context.writeResult(saved, () =>
    context.options.quiet
      ? saved.map(({ file }) => printable(file))
      : [
          `Wrote ${plural(saved.length, 'file')} with the output of ${plural(savedNodes)} to ${printable(path)}`,
        ],
  );
  for (const [node, missing] of without)
    context.environment.stderr.write(`No ${missing.join(' or ')} was kept for ${printable(node)}\n`);
  if (without.size === 0) return EXIT.ok;
  return request.nodes.length === 0 ? EXIT.ok : EXIT.failed;
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
