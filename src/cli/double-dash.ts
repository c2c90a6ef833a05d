/** No argument of a program can hold a NUL, so nothing else begins with this. */
const MARK = '\0';

/**
 * Arguments with those after the first `--` marked, and without that one: the parser of options takes them for plain
 * words then, whatever they begin with.
 */
export const markLiteralWords = (args: readonly string[]): string[] => {
  const end = args.indexOf('--');
  if (end < 0) return [...args];
  return [...args.slice(0, end), ...args.slice(end + 1).map((word) => MARK + word)];
};

/** Takes the marks off a text that may quote such words. */
export const withoutMarks = (text: string): string => text.replaceAll(MARK, '');

/** Takes the marks off all words among parsed arguments, in place. */
export const unmarkArguments = (parsed: Record<string, unknown>): void => {
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === 'string') parsed[name] = withoutMarks(value);
    if (Array.isArray(value))
      parsed[name] = value.map((word: unknown) => (typeof word === 'string' ? withoutMarks(word) : word));
  }
};
