import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';
import type { Diagnosis } from './diagnose-node.js';
import { explainTrouble, type TroubleText } from './node-trouble.js';

/** A diagnosis as lines for a person: how it is, why, what to do, and what else is known. */
export const renderDiagnosis = (context: CommandContext, diagnosis: Diagnosis): string[] => [
  ...renderState(context, diagnosis),
  ...renderFacts(diagnosis),
];

const renderState = (context: CommandContext, diagnosis: Diagnosis): string[] => {
  const { status, availability, job } = diagnosis;
  const node = printable(diagnosis.node_name);
  if (status === 'offline') {
    return [`${node} is offline: the server takes nothing from it.`, ...whyOffline(node, diagnosis)];
  }
  if (job !== undefined) {
    return [
      availability === 'available'
        ? `${node} is available, and busy: it refuses other jobs until it is done.`
        : `${node} is online but unavailable: it takes no job now.`,
      `Why: it takes part in job ${printable(job.id)}, which is ${job.status}: ${printable(job.command)}`,
      `Do:  wait for it:  ${context.nextCommand(`job watch ${job.id}`)}`,
      `     or abort it:  ${context.nextCommand(`job abort ${job.id}`)}`,
    ];
  }
  return availability === 'available'
    ? [`${node} is available: it takes jobs.`]
    : [`${node} is online but unavailable: it takes no job now.`, ...whyUnavailable(diagnosis)];
};

const whyUnavailable = ({ reason = 'rehab', rehab_reason: rehab }: Diagnosis): string[] => {
  if (reason !== 'rehab') return renderTrouble(explainTrouble(reason));
  return [
    rehab === undefined
      ? 'Why: the server has told it to drop whatever it does, and waits for its answer.'
      : `Why: the server has told it to drop whatever it does (${printable(rehab)}), and waits for its answer.`,
    'Do:  wait a moment and ask again; if it stays so, look at the log of push-jobs-client there.',
  ];
};

const renderTrouble = ({ why, advice }: TroubleText, ...facts: string[]): string[] => [
  `Why: ${why}`,
  ...facts,
  ...advice.map((line, index) => `${index === 0 ? 'Do: ' : '    '} ${line}`),
];

const whyOffline = (node: string, { reason, has_chef_client: isKnown }: Diagnosis): string[] => {
  if (isKnown === false) {
    return [
      `Why: the Chef Server has no client '${node}', so nothing can come from a node of that name.`,
      'Do:  check the spelling (capitals count); a new node has to be bootstrapped first.',
    ];
  }
  const client = isKnown === true ? 'has' : 'does not tell you whether it has';
  return renderTrouble(explainTrouble(reason), `     The Chef Server ${client} a client '${node}'.`);
};

const renderFacts = ({ last_seen, client_version, dropped }: Diagnosis): string[] => [
  ...(last_seen === undefined ? [] : [`Last heard: ${printable(last_seen)}`]),
  ...(client_version === undefined ? [] : [`Client: push-jobs-client ${printable(client_version)}`]),
  ...(dropped === undefined
    ? []
    : [
        `Not taken since the server started: ${dropped.count} messages, the last at ${printable(dropped.at)} (${printable(dropped.reason)})`,
      ]),
];
