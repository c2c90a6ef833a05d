import yargs from 'yargs';
import { packageVersion } from '../shared/platform/package-version.js';
import type { ChooseCommand } from './command.js';
import { addCompletion } from './commands/completion.js';
import { addConfigCheck } from './commands/config-check.js';
import { addJobAbort } from './commands/job-abort.js';
import { addJobList } from './commands/job-list.js';
import { addJobOutput } from './commands/job-output.js';
import { addJobRerun } from './commands/job-rerun.js';
import { addJobStart } from './commands/job-start.js';
import { addJobStatus } from './commands/job-status.js';
import { addJobWatch } from './commands/job-watch.js';
import { addNodeStatus } from './commands/node-status.js';
import { addNodeWhy } from './commands/node-why.js';
import { addGlobalOptions, type GlobalArgv } from './global-options.js';
import { unmarkArguments, withoutMarks } from './double-dash.js';
import { UsageError } from '../shared/lib/usage-error.js';

const EPILOGUE = [
  'The server and the user come from ~/.chef/credentials, from config.rb or knife.rb in a folder .chef, or from',
  '--server-url, --user and --key; push-jobs config check tells what was found. Words after -- are never options.',
].join(' ');

/** A parser of the whole command line, which tells `choose` what was asked for. */
export const declareCommands = (choose: ChooseCommand): GlobalArgv =>
  addGlobalOptions(yargs().scriptName('push-jobs').locale('en'))
    .usage('$0 COMMAND: run jobs on the nodes of a Chef Server now')
    .command('job', 'Start jobs and look at them', (job) => {
      addJobStart(job, choose);
      addJobWatch(job, choose);
      addJobStatus(job, choose);
      addJobList(job, choose);
      addJobOutput(job, choose);
      addJobAbort(job, choose);
      addJobRerun(job, choose);
      return job.demandCommand(
        1,
        'say what to do: push-jobs job start, watch, status, list, output, abort or rerun',
      );
    })
    .command('node', 'Look at nodes', (node) => {
      addNodeStatus(node, choose);
      addNodeWhy(node, choose);
      return node.demandCommand(1, 'say what to do: push-jobs node status, or push-jobs node why');
    })
    .command('config', 'Look at how the server is reached', (config) =>
      addConfigCheck(config, choose).demandCommand(1, 'say what to do: push-jobs config check'),
    )
    .command('completion', 'Let a shell complete command lines of push-jobs', (completion) =>
      addCompletion(completion, choose).demandCommand(
        1,
        'say for which shell: push-jobs completion bash, or zsh',
      ),
    )
    .demandCommand(1, 'say what to do: push-jobs job, node, config or completion')
    .epilogue(EPILOGUE)
    .strict()
    .recommendCommands()
    .exitProcess(false)
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
    })
    .check((parsed) => {
      const twice = Object.entries(parsed).find(([name, value]) => Array.isArray(value) && !MANY.has(name));
      if (twice !== undefined) throw new UsageError(`--${twice[0]} was given more than once`);
      return true;
    })
    .middleware(unmarkArguments)
    .version(packageVersion())
    .help()
    .fail((message: string | null, failure: Error | undefined) => {
      if (failure !== undefined && failure.name !== 'YError') throw failure; // yargs names its own so
      throw new UsageError(
        withoutMarks(failure?.message ?? message ?? 'the command line was not understood'),
      );
    });

/** What may come several times. */
const MANY: ReadonlySet<string> = new Set(['_', 'nodes']);
