import { printable } from './printable.js';

/** Captured output as lines, each with the prefix before it and fit to be shown on a terminal; empty where it is. */
export const prefixLines = (prefix: string, bytes: Buffer): string => {
  if (bytes.length === 0) return '';
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  return text
    .split(/\r?\n/)
    .map((line) => `${printable(prefix)}${line.split('\t').map(printable).join('\t')}\n`)
    .join('');
};
