import { Document, isScalar, Scalar, visit } from 'yaml';
import { unicodeEscape } from './printable.js';

/** The output formats: text for people (`summary`), or a document for programs. */
export const FORMATS = ['summary', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** The characters that `printable` escapes, except for the white space of a document. */
const UNSAFE = /[^\P{Cc}\n\r\t]|[\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Formats a value as a JSON or YAML document with a line break at its end. Control characters are escaped, so that a
 * terminal does not execute them and a parser restores them.
 */
export const formatDocument = (format: Exclude<Format, 'summary'>, value: unknown): string => {
  const text = format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : formatYaml(value);
  return text.replace(UNSAFE, unicodeEscape);
};

const formatYaml = (value: unknown): string => {
  const document = new Document(value);
  visit(document, (_key, node) => {
    // YAML allows escapes only in double-quoted scalars.
    if (isScalar(node) && String(node.value).search(UNSAFE) >= 0) node.type = Scalar.QUOTE_DOUBLE;
  });
  return document.toString({ lineWidth: 0 });
};
