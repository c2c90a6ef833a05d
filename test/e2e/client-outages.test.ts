import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientBehindNetwork, type ClientOutage } from '../support/client-behind-network.js';
import { eventually } from '../support/eventually.js';
import type { NetworkOutage } from '../support/outage-proxy.js';
import { StatusWatcher } from '../support/status-watcher.js';
import { useServerProcess } from '../support/use-server.js';

const INTERVAL_MS = 1_000;

/** Outages of one length; commands end in the middle of it, or so many intervals after it. */
const outages = (
  outage: NetworkOutage,
  intervals: number,
  ends: readonly ('inside' | number)[],
): ClientOutage[] =>
  ends.map((end) => ({
    node: `${outage.replace(' ', '-')}-${intervals}-${end}`.replaceAll('.', '_'),
    outage,
    intervals,
    endsAfter: end === 'inside' ? intervals / 2 : intervals + end,
  }));

/** A result that goes into a half-open connection is lost, so no command ends while it is half-open. */
const CUTS = [
  ...outages('refused', 1.5, ['inside', 7]),
  ...outages('refused', 3.3, [7]),
  ...outages('refused', 6, ['inside', 2]),
  ...outages('stalled', 2.4, ['inside']),
  ...outages('node half-open', 2.4, [7]),
  ...outages('server half-open', 3.3, [7]),
];

/** The server is back after one or two seconds. */
const RESTARTS = [
  ...outages('refused', 2.4, ['inside', 7]),
  ...outages('refused', 3.9, ['inside', 7]),
  ...outages('refused', 9, [2]),
];

describe.each([
  { what: 'networks that fail', plans: CUTS, isServerKilled: false },
  { what: 'a server that is killed with SIGKILL', plans: RESTARTS, isServerKilled: true },
])('the real clients and $what', ({ plans, isServerKilled }) => {
  const running = useServerProcess({
    heartbeat_interval: INTERVAL_MS,
    rehab_timer: 1_000,
    lost_contact_timeout: 60,
  });
  const { server } = running;
  let clients: ClientBehindNetwork[] = [];

  beforeAll(async () => {
    clients = await Promise.all(plans.map((plan) => ClientBehindNetwork.start(server, plan)));
    for (const { node } of plans) await server.nodeBecomes(node, 'available', { withinMs: 90_000 });
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.stop()));
  });

  it('run each command once and to its end, and it is `succeeded`', async () => {
    const watcher = new StatusWatcher(server.database);
    const jobs = await Promise.all(
      clients.map(({ plan, folder }) =>
        server.startJob({ command: 'work', nodes: [plan.node], dir: folder, run_timeout: 600 }),
      ),
    );
    const readStatuses = async (): Promise<(string | undefined)[]> => {
      const stored = await watcher.read();
      return plans.map(({ node }, index) => stored.get(`${jobs[index]}/${node}`)?.status);
    };
    await eventually(async () => (await readStatuses()).every((status) => status === 'running'));
    if (isServerKilled) await running.process.kill();
    const isServerBack = isServerKilled ? server.startServer() : Promise.resolve();
    await Promise.all(clients.map((client) => client.sufferOutage(INTERVAL_MS, isServerBack)));
    await eventually(async () => [...(await watcher.read()).values()].every(({ isJobOver }) => isJobOver), {
      withinMs: 90_000,
      everyMs: INTERVAL_MS,
    });
    await eventually(() => clients.every(({ commandLog }) => commandLog.length > 1));

    const expected = plans.map(({ node }) => ({ node, log: ['start', 'end'], status: 'succeeded' }));
    const statuses = await readStatuses();
    const seen = clients.map(({ plan, commandLog }, index) => ({
      node: plan.node,
      log: commandLog,
      status: statuses[index],
    }));
    expect(seen).toEqual(expected);
    expect(watcher.changes).toEqual([]);
    expect(running.process.loggedErrors).toEqual([]);
  });
});
