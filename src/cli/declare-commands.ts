import yargs from 'yargs';
import { packageVersion } from '../shared/platform/package-version.js';
import type { ChooseCommand } from './command-context.js';
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
import { unmarkArguments, removeMarks } from './double-dash.js';
import { UsageError } from '../shared/lib/usage-error.js';

const EPILOGUE = [
  'The server, user and key come from the options --server-url, --user and --key, from config.rb or knife.rb in a .chef',
  'folder, or from ~/.chef/credentials. Run "push-jobs config check" to see which values are used.',
  'Arguments after -- are never read as options.',
].join(' ');

/**
 * Returns the parser of the whole command line; it passes the selected command to `choose`. Each file in `commands/`
 * declares the options of its command; `run-options.ts` declares those that several job commands share, and
 * `global-options.ts` those of every command.
 */
export const declareCommands = (choose: ChooseCommand): GlobalArgv =>
  addGlobalOptions(yargs().scriptName('push-jobs').locale('en'))
    .usage('$0 COMMAND: run jobs on the nodes of a Chef Server')
    .command('job', 'Start, follow, list and abort jobs', (job) => {
      addJobStart(job, choose);
      addJobWatch(job, choose);
      addJobStatus(job, choose);
      addJobList(job, choose);
      addJobOutput(job, choose);
      addJobAbort(job, choose);
      addJobRerun(job, choose);
      return job.demandCommand(
        1,
        'missing command; use push-jobs job start, watch, status, list, output, abort or rerun',
      );
    })
    .command('node', 'Show which nodes are available for jobs, and why', (node) => {
      addNodeStatus(node, choose);
      addNodeWhy(node, choose);
      return node.demandCommand(1, 'missing command; use push-jobs node status or why');
    })
    .command('config', 'Check the connection settings', (config) =>
      addConfigCheck(config, choose).demandCommand(1, 'missing command; use push-jobs config check'),
    )
    .command('completion', 'Print a completion script for a shell', (completion) =>
      addCompletion(completion, choose).demandCommand(
        1,
        'missing shell name; use push-jobs completion bash or zsh',
      ),
    )
    .demandCommand(1, 'missing command; use push-jobs job, node, config or completion')
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
      const [repeated] =
        Object.entries(parsed).find(([name, value]) => Array.isArray(value) && !REPEATABLE.has(name)) ?? [];
      if (repeated !== undefined) throw new UsageError(`--${repeated} was given more than once`);
      return true;
    })
    .middleware(unmarkArguments)
    .version(packageVersion())
    .help()
    .fail((message: string | null, failure: Error | undefined) => {
      if (failure !== undefined && failure.name !== 'YError') throw failure; // not an error of yargs
      throw new UsageError(removeMarks(failure?.message ?? message ?? 'invalid command line'));
    });

/** Arguments that may have several values. */
const REPEATABLE: ReadonlySet<string> = new Set(['_', 'nodes']);
