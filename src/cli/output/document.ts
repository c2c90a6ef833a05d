import { Document, isScalar, Scalar, visit } from 'yaml';
import { escaped } from './printable.js';

/** The forms of output: text for people, or one document for programs. */
export const FORMATS = ['summary', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** What `printable` writes out, but for white space that has its place in a document. */
const UNSAFE = /[^\P{Cc}\n\r\t]|[\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A value as a document for programs, with a line break at its end. It holds nothing that a terminal would obey: that
 * is escaped, so that whoever reads the document gets it as it was.
 */
export const formatDocument = (format: Exclude<Format, 'summary'>, value: unknown): string => {
  const text = format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : yamlOf(value);
  return text.replace(UNSAFE, escaped);
};

const yamlOf = (value: unknown): string => {
  const document = new Document(value);
  visit(document, (_key, node) => {
    // Only there does YAML know escapes.
    if (isScalar(node) && String(node.value).search(UNSAFE) >= 0) node.type = Scalar.QUOTE_DOUBLE;
  });
  return document.toString({ lineWidth: 0 });
};
