import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';
import { contactNotes } from '../output/render-job.js';
import type { Diagnosis } from './diagnose-node.js';
import { explainUnavailability, type Explanation } from './explain-unavailability.js';

/** Renders a diagnosis as lines: the state, the cause, what to do, and further facts. */
export const renderDiagnosis = (context: CommandContext, diagnosis: Diagnosis): string[] => [
  ...renderState(context, diagnosis),
  ...renderFacts(diagnosis),
];

const renderState = (context: CommandContext, diagnosis: Diagnosis): string[] => {
  const { status, availability, job } = diagnosis;
  const node = printable(diagnosis.node_name);
  if (status === 'offline') {
    return [
      `${node} is offline: the server accepts no messages from it.`,
      ...renderOfflineCause(node, diagnosis),
      ...renderSilentJob(diagnosis),
    ];
  }
  if (job !== undefined) {
    return [
      availability === 'available'
        ? `${node} is available but busy: it declines other jobs until it is done.`
        : `${node} is online but unavailable: it takes no job now.`,
      `Why: it takes part in job ${printable(job.id)}, which is ${job.status}: ${printable(job.command)}`,
      `Do:  wait for it:  ${context.suggestedCommand(`job watch ${job.id}`)}`,
      `     or abort it:  ${context.suggestedCommand(`job abort ${job.id}`)}`,
    ];
  }
  return availability === 'available'
    ? [`${node} is available: it takes jobs.`]
    : [`${node} is online but unavailable: it takes no job now.`, ...renderUnavailability(diagnosis)];
};

/** The part of an offline node in a live job does not end at once. */
const renderSilentJob = ({ job }: Diagnosis): string[] => {
  if (job === undefined) return [];
  const since = job.job_node === undefined ? [] : contactNotes(job.job_node);
  return [
    [`Job: it takes part in job ${printable(job.id)}, which is ${job.status}`, ...since].join('; '),
    '     The command may still run. Its result counts if the node reports it before the server gives up',
    '     (lost_contact_timeout, or the run timeout of the job).',
  ];
};

const renderLateJob = ({ late_job: job }: Diagnosis): string[] => {
  if (job?.job_node === undefined) return [];
  return [`Last job: ${printable(job.id)}: ${job.job_node.status}; ${contactNotes(job.job_node).join('; ')}`];
};

const renderUnavailability = ({ reason = 'rehab', rehab_reason: rehab }: Diagnosis): string[] => {
  if (reason !== 'rehab') return renderExplanation(explainUnavailability(reason));
  const cause = rehab === undefined ? '' : ` (${printable(rehab)})`;
  return [
    `Why: the server has sent it an abort${cause} and waits for the answer.`,
    'Do:  wait a moment and run this command again. If nothing changes, read the log of push-jobs-client on the node.',
  ];
};

const renderExplanation = ({ cause, advice }: Explanation, ...facts: string[]): string[] => [
  `Why: ${cause}`,
  ...facts,
  ...advice.map((line, index) => `${index === 0 ? 'Do: ' : '    '} ${line}`),
];

const renderOfflineCause = (node: string, { reason, has_chef_client: isKnown }: Diagnosis): string[] => {
  if (isKnown === false) {
    return [
      `Why: the Chef Server has no client '${node}', so the server cannot accept a node with this name.`,
      'Do:  check the spelling (names are case-sensitive). A new node must be bootstrapped first.',
    ];
  }
  const has = isKnown === true ? 'has' : 'does not let you see whether it has';
  return renderExplanation(explainUnavailability(reason), `     The Chef Server ${has} a client '${node}'.`);
};

const renderFacts = ({ last_seen, client_version, dropped, ...diagnosis }: Diagnosis): string[] => [
  ...renderLateJob(diagnosis),
  ...(last_seen === undefined ? [] : [`Last seen: ${printable(last_seen)}`]),
  ...(client_version === undefined ? [] : [`Client: push-jobs-client ${printable(client_version)}`]),
  ...(dropped === undefined
    ? []
    : [
        `Dropped since the server started: ${dropped.count} messages, ` +
          `the last at ${printable(dropped.at)} (${printable(dropped.reason)})`,
      ]),
];
