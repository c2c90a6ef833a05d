import type { NodeAddress } from '../../../shared/protocol/node-address.js';
import type { NodeDirectory } from '../../nodes/nodes.port.js';
import type { NodeInput } from './job-executor.js';

/** Reason of a job node whose node went offline before it voted. */
export const OFFLINE_REASON = 'no heartbeats came';

export const nodeInput = (node: string, input: NodeInput['input'], reason: string): NodeInput => ({
  type: 'node',
  node,
  input,
  details: { reason },
});

/** Inputs for nodes that cannot take a job now. Looks at each node when its input is needed: there may be very many. */
export function* unavailableInputs(
  addresses: readonly NodeAddress[],
  nodeDirectory: NodeDirectory,
): Generator<NodeInput> {
  for (const address of addresses) {
    const input = nodeDirectory.isOnline(address) ? 'not_eligible' : 'offline';
    yield nodeInput(address.node, input, nodeDirectory.unavailabilityReason(address) ?? 'gone');
  }
}
