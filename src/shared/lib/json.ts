import { messageOf } from './app-error.js';
import { err, ok, type Result } from './result.js';

/** Parses JSON. The error is the parser's message, which can quote the text: do not show it if the text is secret. */
export const parseJson = (text: string): Result<unknown, string> => {
  try {
    return ok(JSON.parse(text));
  } catch (thrown) {
    return err(messageOf(thrown));
  }
};

/** The JSON value of a text; undefined, which no schema accepts, if the text is not JSON. */
export const jsonOrUndefined = (text: string): unknown => {
  const json = parseJson(text);
  return json.ok ? json.value : undefined;
};
