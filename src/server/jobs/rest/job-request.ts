import { err, ok, type Result } from '../../../shared/lib/result.js';
import { MAX_NODE_NAME_BYTES } from '../../../shared/protocol/node-address.js';
import { type JobRequest, MAX_INT } from '../../../shared/protocol/rest-schemas.js';
import { hasRepeatedKey } from './repeated-key.js';

/** The largest file that goes with a job, bytes once decoded. */
export const MAX_FILE_BYTES = 100_000;

const KNOWN_KEYS = new Set([
  'command',
  'nodes',
  'quorum',
  'run_timeout',
  'user',
  'dir',
  'env',
  'file',
  'capture_output',
  'dry_run',
]);
const OTHER_FAULT = 'an unknown validation error has occurred';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const BLANKS = /[ \t\r\n]+/g;

/** NUL, which PostgreSQL cannot hold in a text, and halves of a character, which UTF-8 cannot. */
const NOT_STORABLE = /[\0\p{Surrogate}]/u;

type JsonObject = Readonly<Record<string, unknown>>;

/** Judges one rule; hands back the text of the fault, or undefined. */
type Rule = (body: JsonObject, json: string) => string | undefined;

/** A job request from the bytes of a body (REST API, "POST jobs"); the error is the text for the user. */
export const readJobRequest = (bytes: Uint8Array): Result<JobRequest, string> => {
  if (bytes.length === 0) return err('the body is empty: a JSON object with command and nodes is needed');
  let json: string;
  try {
    json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return err('the body is not valid UTF-8');
  }
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch {
    return err('the body is not valid JSON');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return err(OTHER_FAULT);
  for (const rule of RULES) {
    const fault = rule(body as JsonObject, json);
    if (fault !== undefined) return err(fault);
  }
  return ok(withNodesOnce(body as unknown as JobRequest));
};

const withNodesOnce = (request: JobRequest): JobRequest => ({
  ...request,
  nodes: [...new Set(request.nodes)],
});

const isText = (value: unknown): value is string => typeof value === 'string';

const command: Rule = ({ command }) => (isText(command) ? undefined : 'invalid command supplied');

const nodes: Rule = ({ nodes }) =>
  Array.isArray(nodes) && nodes.length > 0 && nodes.every((name) => isText(name) && name !== '')
    ? undefined
    : 'at least one node must be supplied';

const knownKeys: Rule = (body) =>
  Object.keys(body).every((key) => KNOWN_KEYS.has(key)) ? undefined : 'invalid key supplied';

const wholeNumber =
  (key: 'quorum' | 'run_timeout'): Rule =>
  (body) => {
    const value = body[key];
    if (value === undefined) return undefined;
    if (typeof value !== 'number') return `invalid type supplied for ${key} (expected a number)`;
    const legal = Number.isInteger(value) && value >= 0 && value <= MAX_INT;
    return legal
      ? undefined
      : `invalid value supplied for ${key} (expected a whole number from 0 to ${MAX_INT})`;
  };

const flag =
  (key: 'capture_output' | 'dry_run'): Rule =>
  (body) =>
    body[key] === undefined || typeof body[key] === 'boolean'
      ? undefined
      : `invalid type supplied for ${key} (expected a boolean)`;

const userAndDir: Rule = ({ user, dir }) =>
  [user, dir].every((value) => value === undefined || isText(value)) ? undefined : OTHER_FAULT;

const env: Rule = ({ env }, json) => {
  if (env === undefined) return undefined;
  if (typeof env !== 'object' || env === null || Array.isArray(env)) return OTHER_FAULT;
  if (!Object.values(env).every(isText)) return OTHER_FAULT;
  if (Object.keys(env).some((name) => name === '' || name.includes('='))) {
    return "invalid environment name (must not be empty or contain '=')";
  }
  return hasRepeatedKey(json, 'env') ? 'invalid environment value (duplicate key)' : undefined;
};

const file: Rule = ({ file }) => {
  if (file === undefined) return undefined;
  if (!isText(file)) return OTHER_FAULT;
  const size = fileSize(file);
  if (!size.ok) return size.error;
  return size.value <= MAX_FILE_BYTES ? undefined : `invalid file size (must be <= ${MAX_FILE_BYTES} bytes)`;
};

const fileSize = (file: string): Result<number, string> => {
  if (file.startsWith('raw:')) return ok(Buffer.byteLength(file.slice('raw:'.length)));
  if (!file.startsWith('base64:')) return err("invalid file contents (expected 'base64:...' or 'raw:...')");
  const text = file.slice('base64:'.length).replaceAll(BLANKS, '');
  if (!BASE64.test(text)) return err("invalid file contents (couldn't decode base64 string)");
  return ok(Buffer.byteLength(text, 'base64'));
};

const nodeNames: Rule = ({ nodes }) =>
  (nodes as string[]).every((name) => Buffer.byteLength(name) <= MAX_NODE_NAME_BYTES)
    ? undefined
    : `invalid node name supplied (must be at most ${MAX_NODE_NAME_BYTES} bytes)`;

/** No command, name or path has such characters. */
const storable: Rule = (body) => {
  const { command, user, dir, file, nodes, env } = body as unknown as JobRequest;
  const texts = [command, user, dir, file, ...nodes, ...Object.entries(env ?? {}).flat()];
  const bad = texts.some((text) => text !== undefined && NOT_STORABLE.test(text));
  return bad ? 'invalid value supplied (NUL and unpaired surrogates are not allowed)' : undefined;
};

/** In the order in which faults are reported. */
const RULES: readonly Rule[] = [
  command,
  nodes,
  knownKeys,
  wholeNumber('quorum'),
  wholeNumber('run_timeout'),
  flag('capture_output'),
  flag('dry_run'),
  userAndDir,
  env,
  file,
  nodeNames,
  storable,
];
