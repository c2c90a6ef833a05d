import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';
import type { Diagnosis } from './diagnose-node.js';

/** A diagnosis as lines for a person: how it is, why, what to do. */
export const renderDiagnosis = (context: CommandContext, diagnosis: Diagnosis): string[] => {
  const { status, availability } = diagnosis;
  const node = printable(diagnosis.node_name);
  if (availability === 'available') return [`${node} is available: it takes jobs.`];
  if (status === 'online')
    return [`${node} is online but unavailable: it takes no job now.`, ...whyBusy(context, diagnosis)];
  return [`${node} is offline: the server hears nothing of it.`, ...whyOffline(node, diagnosis)];
};

const whyBusy = (context: CommandContext, { job }: Diagnosis): string[] =>
  job === undefined
    ? [
        'Why: it takes part in no job. The server has told it to drop whatever it does and waits for its answer;',
        '     that is so after it came back, after a job that lost it, and while it ends a command.',
        'Do:  wait a moment and ask again; if it stays so, look at the log of push-jobs-client there.',
      ]
    : [
        `Why: it takes part in job ${printable(job.id)}, which is ${job.status}: ${printable(job.command)}`,
        `Do:  wait for it:  ${context.nextCommand(`job watch ${job.id}`)}`,
        `     or abort it:  ${context.nextCommand(`job abort ${job.id}`)}`,
      ];

const whyOffline = (node: string, { has_chef_client: isKnown }: Diagnosis): string[] =>
  isKnown === false
    ? [
        `Why: the Chef Server has no client '${node}', so nothing can come from a node of that name.`,
        'Do:  check the spelling (capitals count); a new node has to be bootstrapped first.',
      ]
    : [
        isKnown === true
          ? `Why: the Chef Server has a client '${node}', so the name is right.`
          : `Why: the Chef Server does not tell you whether it has a client '${node}'.`,
        'Do:  on the node, see whether push-jobs-client runs and what its log says. It must reach the Chef Server',
        '     by HTTPS and the ports for commands and heartbeats (10002 and 10000 where nobody changed them), its',
        '     client.pem must be the key of that client, and its clock must be right to within some minutes.',
      ];
