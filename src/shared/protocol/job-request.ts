import { z } from 'zod';

/** The largest file of a job, in decoded bytes. */
export const MAX_FILE_BYTES = 100_000;

/** Maximum of `quorum` and `run_timeout`: what the database columns hold. */
const MAX_INT = 2 ** 31 - 1;

/** The error of every fault that has no error of its own. */
const OTHER_FAULT = 'an unknown validation error has occurred';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const WHITE_SPACE = /[ \t\r\n]+/g;

const isText = (value: unknown): value is string => typeof value === 'string';

const isNodeList = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((name) => isText(name) && name !== '');

const isEnv = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isText);

const hasValidNames = (env: unknown): boolean =>
  Object.keys(env as object).every((name) => name !== '' && !name.includes('='));

/** Many JSON libraries, ours in the node client too, drop a member of this name. */
const hasNoProto = (env: unknown): boolean => !Object.hasOwn(env as object, '__proto__');

const text = z.string({ error: OTHER_FAULT });

/**
 * One refinement validates the whole list, and the whole `env` below: zod makes an issue for each wrong element, and a
 * hostile body has hundreds of thousands.
 */
const nodes = z
  .unknown()
  .refine(isNodeList, { error: 'at least one node must be supplied', abort: true })
  .meta({ type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 })
  .transform((names): readonly string[] => [...new Set(names as string[])]);

const env = z
  .unknown()
  .refine(isEnv, { error: OTHER_FAULT, abort: true })
  .refine(hasValidNames, "invalid environment name (must not be empty or contain '=')")
  .refine(hasNoProto, 'invalid environment name (must not be __proto__)')
  .meta({ type: 'object', additionalProperties: { type: 'string' } })
  .transform((variables) => variables as Readonly<Record<string, string>>);

const wholeNumber = (key: string) => {
  const invalidValue = `invalid value supplied for ${key} (expected a whole number from 0 to ${MAX_INT})`;
  const invalidType = `invalid type supplied for ${key} (expected a number)`;
  return z
    .int({ error: ({ input }) => (typeof input === 'number' ? invalidValue : invalidType) })
    .min(0, invalidValue)
    .max(MAX_INT, invalidValue);
};

const flag = (key: string) => z.boolean(`invalid type supplied for ${key} (expected a boolean)`);

const faultOfFile = (file: string): string | undefined => {
  let size: number;
  if (file.startsWith('raw:')) size = Buffer.byteLength(file.slice('raw:'.length));
  else if (file.startsWith('base64:')) {
    const base64 = file.slice('base64:'.length).replaceAll(WHITE_SPACE, '');
    if (!BASE64.test(base64)) return "invalid file contents (couldn't decode base64 string)";
    size = Buffer.byteLength(base64, 'base64');
  } else return "invalid file contents (expected 'base64:...' or 'raw:...')";
  return size <= MAX_FILE_BYTES ? undefined : `invalid file size (must be <= ${MAX_FILE_BYTES} bytes)`;
};

const file = text.superRefine((value, context) => {
  const fault = faultOfFile(value);
  if (fault !== undefined) context.addIssue(fault);
});

/**
 * The body of `POST jobs`; its errors are texts for users. The members are in the order in which the server reports
 * their faults. See docs/spec/rest-api.md, "POST jobs".
 */
export const jobRequestSchema = z.strictObject(
  {
    command: z
      .string('invalid command supplied')
      .describe('the name of the job in the whitelist of each node'),
    nodes: nodes.describe('a repeated name counts once'),
    quorum: wholeNumber('quorum').optional().describe('how many nodes must vote yes; default: all'),
    run_timeout: wholeNumber('run_timeout').optional().describe('seconds'),
    capture_output: flag('capture_output').optional().describe('keep the output'),
    dry_run: flag('dry_run')
      .optional()
      .describe('start nothing; only report which nodes could take the job now'),
    user: text.optional().describe('the user that the command runs as'),
    dir: text.optional().describe('the folder that the command runs in'),
    env: env.optional().describe('environment variables'),
    file: file.optional().describe(`raw:… or base64:…, at most ${MAX_FILE_BYTES} bytes decoded`),
  },
  { error: ({ code }) => (code === 'unrecognized_keys' ? 'invalid key supplied' : OTHER_FAULT) },
);

/** The body of `POST jobs`; `file` is `raw:…` or `base64:…`, `run_timeout` is in seconds. */
export type JobRequest = Readonly<z.output<typeof jobRequestSchema>>;
