import type { NodeStatus } from '../../shared/protocol/job-status.js';
import { NODE_STATUS_CODES } from '../../shared/protocol/job-status.js';
import type { Job, JobNodeDetail } from '../../shared/protocol/rest-schemas.js';
import { parseRfc1123 } from '../../shared/protocol/wire-time.js';
import type { CliEnvironment } from '../cli-environment.js';
import { printable } from './printable.js';
import { colourState } from './colour-state.js';
import { formatTable, terminalWidth } from './table.js';

/** The statuses that need attention come first. */
const STATUS_ORDER: readonly NodeStatus[] = [
  'failed',
  'crashed',
  'timed_out',
  'aborted',
  'faulty',
  'was_ready',
  'nacked',
  'unavailable',
  'new',
  'ready',
  'running',
  'succeeded',
];

/** Returns the statuses that occur in a job, failures first, with their nodes sorted by name. */
export const nodesByStatus = (
  job: Pick<Job, 'nodes'>,
): (readonly [status: NodeStatus, nodes: readonly string[]])[] =>
  STATUS_ORDER.map((status) => [status, [...(job.nodes[status] ?? [])].sort()] as const).filter(
    ([, nodes]) => nodes.length > 0,
  );

/** Counts the nodes of a job. */
export const nodeCount = (job: Pick<Job, 'nodes'>): number =>
  (Object.keys(NODE_STATUS_CODES) as NodeStatus[]).reduce(
    (count, status) => count + (job.nodes[status]?.length ?? 0),
    0,
  );

/** Formats an RFC 1123 date of the REST API as `2026-11-22 08:51:46Z`. */
export const shortDate = (date: string): string => {
  const ms = parseRfc1123(date);
  return ms === undefined
    ? printable(date)
    : new Date(ms)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, 'Z');
};

/** Renders how a job ended: its status, the number of nodes per status, and the nodes that did not succeed. */
export const renderOutcome = (job: Job): string[] => {
  const [counts = '', ...lists] = renderNodeCounts(job);
  return [`${job.status.charAt(0).toUpperCase()}${job.status.slice(1)}. ${counts}`, ...lists];
};

/** Renders the number of nodes per status in one line, and a line with the nodes of each status but `succeeded`. */
export const renderNodeCounts = (job: Pick<Job, 'nodes'>): string[] => {
  const total = nodeCount(job);
  const succeeded = job.nodes.succeeded?.length ?? 0;
  const others = nodesByStatus(job).filter(([status]) => status !== 'succeeded');
  const counts = others.map(([status, nodes]) => `, ${nodes.length} ${status}`).join('');
  return [
    others.length === 0
      ? `All ${plural(total)} succeeded.`
      : `${succeeded} of ${plural(total)} succeeded${counts}.`,
    ...others.map(([status, nodes]) => `  ${status}: ${nodes.map(printable).join(', ')}`),
  ];
};

/** Returns a count with its noun: `1 node`, `2 nodes`. */
export const plural = (count: number, noun = 'node'): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Renders a job with its options and a table of its nodes. */
export const renderJob = (environment: CliEnvironment, job: Job): string[] => {
  const { stdout } = environment;
  const env = Object.entries(job.env ?? {}).map(([name, value]) => printable(`${name}=${value}`));
  const facts: (readonly [string, string | undefined])[] = [
    ['ID:', printable(job.id)],
    ['Command:', printable(job.command)],
    ['Status:', colourState(environment, stdout, job.status)],
    ['Timeout:', `${job.run_timeout} s`],
    ['Created:', shortDate(job.created_at)],
    ['Updated:', shortDate(job.updated_at)],
    ['Started by:', job.details === undefined ? undefined : printable(job.details.created_by)],
    ['Quorum:', job.details === undefined ? undefined : plural(job.details.quorum)],
    ['As user:', job.user === undefined ? undefined : printable(job.user)],
    ['In folder:', job.dir === undefined ? undefined : printable(job.dir)],
    ['Environment:', env.length === 0 ? undefined : env.join(' ')],
    ['File:', job.file_specified === true ? 'yes' : undefined],
    ['Output:', job.capture_output === true ? 'captured' : undefined],
  ];
  return [
    ...formatTable(facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    '',
    ...renderNodes(environment, job),
  ];
};

/** Renders a table of the nodes, with the details of each node if the server sends them. */
const renderNodes = (environment: CliEnvironment, job: Job): string[] => {
  const { stdout } = environment;
  const details = new Map((job.details?.nodes ?? []).map((detail) => [detail.node_name, detail]));
  const hasDetails = [...details.values()].some(
    ({ exit_code, signal, duration_ms, reason, no_contact_since, late_result }) =>
      (exit_code ?? signal ?? duration_ms ?? reason ?? no_contact_since ?? late_result) !== undefined,
  );
  const rows = nodesByStatus(job).flatMap(([status, names]) =>
    names.map((name) => [
      printable(name),
      colourState(environment, stdout, status),
      ...(hasDetails ? detailCells(details.get(name)) : []),
    ]),
  );
  const heading = ['NODE', 'STATUS', ...(hasDetails ? ['EXIT', 'TIME', 'REASON'] : [])];
  return formatTable([heading, ...rows], hasDetails ? terminalWidth(stdout) : undefined);
};

const detailCells = (detail: JobNodeDetail | undefined): string[] => {
  const { exit_code, signal, duration_ms } = detail ?? {};
  return [
    printable(exit_code === undefined ? (signal ?? '') : String(exit_code)),
    duration_ms === undefined ? '' : `${(duration_ms / 1000).toFixed(1)} s`,
    detail === undefined ? '' : contactNotes(detail).join('; '),
  ];
};

/** Returns why a job node ended, since when its node is silent, and its late result; each only if there is one. */
export const contactNotes = ({ reason, no_contact_since, late_result }: JobNodeDetail): string[] => [
  ...(reason === undefined ? [] : [printable(reason)]),
  ...(no_contact_since === undefined ? [] : [`no contact since ${shortIsoDate(no_contact_since)}`]),
  ...(late_result === undefined ? [] : [renderLateResult(late_result)]),
];

const renderLateResult = ({ status, exit_code, signal, at }: LateResult): string => {
  const exit = exit_code === undefined ? signal : `exit code ${exit_code}`;
  const end = exit === undefined ? status : `${status}, ${printable(exit)}`;
  return `late result: ${end}, at ${shortIsoDate(at)}`;
};

type LateResult = NonNullable<JobNodeDetail['late_result']>;

/** Formats an ISO 8601 date of the REST API as `2026-11-22 08:51:46Z`. */
export const shortIsoDate = (date: string): string =>
  printable(date.replace('T', ' ').replace(/\.\d+Z$/, 'Z'));
