import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import { rootOf, trustedBy } from '../chef-server/superuser-http.js';
import { withSession } from '../database/session.js';
import { portIsOpen } from '../port-is-open.js';
import type { Installation } from '../installation.js';
import { askServer } from '../server-status.js';
import { fail, type SmokeTest } from './smoke-test.js';

/** The tests that change nothing, neither here nor on the Chef Server. */
export const basicTests = (installation: Installation): SmokeTest[] => [
  ...requestTests(installation),
  nodePortsTest(installation),
  ...(installation.product.runsService ? [databaseTest(installation)] : []),
];

const requestTests = ({ product }: Installation): SmokeTest[] => {
  const root = rootOf(product);
  const statusOf = async (path: string): Promise<number> => {
    const http = new HttpClient(trustedBy(product));
    try {
      const answer = await http.send({ method: 'GET', url: `${root}${path}` });
      return answer.ok ? answer.value.status : fail(answer.error.reason);
    } finally {
      await http.close();
    }
  };
  return [
    {
      name: 'the server answers',
      run: async () => {
        const answer = await askServer(product);
        if (!('status' in answer)) fail(answer.reason);
      },
    },
    {
      name: 'the server answers at the address of the Chef Server',
      run: async () => {
        const status = await statusOf('/pushy/_status');
        if (status !== 200) fail(`${root}/pushy/_status answers ${status}`);
      },
    },
    {
      name: 'a request without a signature is refused',
      run: async () => {
        const status = await statusOf('/organizations/smoke-test/pushy/jobs');
        if (status !== 400 && status !== 401) fail(`it answers ${status} in place of 400 or 401`);
      },
    },
  ];
};

/** As the server does it; a frontend has no password for it. */
const databaseTest = (installation: Installation): SmokeTest => ({
  name: 'the database can be written',
  run: () =>
    withSession(installation.ownerConnection(), async (session) => {
      await session.query('CREATE TEMPORARY TABLE smoke_test (n int)');
      await session.query('INSERT INTO smoke_test VALUES (1)');
    }),
});

/** By the name that nodes are told, which need not be one that reaches this machine. */
const nodePortsTest = ({ product }: Installation): SmokeTest => {
  const { server_name_advertised: host, command_port, server_heartbeat_port } = product.serverConfig;
  return {
    name: `nodes find the server at ${host}, ports ${command_port} and ${server_heartbeat_port}`,
    run: async () => {
      const ports = [command_port, server_heartbeat_port];
      const open = await Promise.all(ports.map((port) => portIsOpen(host, port)));
      const closed = ports.filter((_port, index) => open[index] !== true);
      if (closed.length === 0) return;
      fail(
        `nobody takes connections at ${closed.map((port) => `${host}:${port}`).join(' and ')}: open them in the ` +
          "firewall, or mend opscode_pushy_server['server_name_advertised']",
      );
    },
  };
};
