import type { OutputChannel } from '../../shared/api-client/push-jobs-client.js';
import { printable } from './printable.js';

/** What stands before each line of a node's output. */
export const outputPrefix = (node: string, channel: OutputChannel): string =>
  channel === 'stdout' ? `${node} | ` : `${node} stderr | `;

/** A line of output with the prefix before it, fit to be shown on a terminal, and its end. */
export const prefixLine = (prefix: string, line: string): string =>
  `${printable(prefix)}${line.split('\t').map(printable).join('\t')}\n`;

/** Captured output as lines, each with the prefix before it and fit to be shown on a terminal; empty where it is. */
export const prefixLines = (prefix: string, bytes: Buffer): string => {
  if (bytes.length === 0) return '';
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  return text
    .split(/\r?\n/)
    .map((line) => prefixLine(prefix, line))
    .join('');
};
