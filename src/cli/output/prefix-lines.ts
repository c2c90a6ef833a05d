import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import { printable } from './printable.js';

/** The prefix of each line of a node's output. */
export const outputPrefix = (node: string, channel: OutputChannel): string =>
  channel === 'stdout' ? `${node} | ` : `${node} stderr | `;

/** Returns a printable line of output with its prefix and a line break; tabs are kept. */
export const prefixLine = (prefix: string, line: string): string =>
  `${printable(prefix)}${line.split('\t').map(printable).join('\t')}\n`;

/** Returns captured output as printable lines with a prefix each; an empty string for empty output. */
export const prefixLines = (prefix: string, bytes: Buffer): string => {
  if (bytes.length === 0) return '';
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  return text
    .split(/\r?\n/)
    .map((line) => prefixLine(prefix, line))
    .join('');
};
