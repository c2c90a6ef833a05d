/** A program's argument cannot contain a NUL, so no argument begins with this by itself. */
const MARK = '\0';

/**
 * Removes the first `--` and marks all arguments after it, so that the option parser does not read them as options.
 */
export const markLiteralArguments = (args: readonly string[]): string[] => {
  const end = args.indexOf('--');
  if (end < 0) return [...args];
  return [...args.slice(0, end), ...args.slice(end + 1).map((argument) => MARK + argument)];
};

/** Removes the marks from a text that may quote marked arguments. */
export const removeMarks = (text: string): string => text.replaceAll(MARK, '');

/** Removes the marks from all parsed arguments, in place. */
export const unmarkArguments = (parsed: Record<string, unknown>): void => {
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === 'string') parsed[name] = removeMarks(value);
    if (Array.isArray(value))
      parsed[name] = value.map((item: unknown) => (typeof item === 'string' ? removeMarks(item) : item));
  }
};
