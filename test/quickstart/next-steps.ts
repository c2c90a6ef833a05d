import { NODES, type QuickstartFolder, USER } from './folder.js';

/** Returns commands to try while the quick start is up; all work as printed, in the folder of the clone. */
export const nextSteps = (folder: QuickstartFolder, jobId: string): string => `
Everything is up. Try, in another terminal and in this folder:

  export PATH="$PWD/.quickstart:$PATH"
  push-jobs node status
  push-jobs job start uptime ${NODES.join(' ')} --capture
  push-jobs job output ${jobId} ${NODES[0]}
  push-jobs job start environment ${NODES[0]} --capture --file package.json
  push-jobs job start nap --search 'name:node*'
  push-jobs job watch ${jobId}
  push-jobs job start fail ${NODES.join(' ')} --capture
  push-jobs job start not-whitelisted ${NODES[0]}
  push-jobs job list

With knife and its push plugin (as the user ${USER}):

  knife job start -c .quickstart/knife.rb hello ${NODES.join(' ')}
  knife node status -c .quickstart/knife.rb

Chef Server URL  ${folder.chefServerUrl}
Settings, keys, data and logs  ${folder.root}

Ctrl-C stops all of it.
`;
