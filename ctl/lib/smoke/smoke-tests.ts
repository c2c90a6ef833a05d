import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import { chefServerUrl, tlsOptions } from '../chef-server/superuser-http.js';
import { withDatabaseConnection } from '../database/database-connection.js';
import { portIsOpen } from '../port-is-open.js';
import type { Installation } from '../installation.js';
import { fetchServerStatus } from '../server-status.js';
import { fail, type SmokeTest } from './smoke-test.js';

/** The tests that change nothing, neither on this machine nor on the Chef Server. */
export const readOnlyTests = (installation: Installation): SmokeTest[] => [
  ...requestTests(installation),
  nodePortsTest(installation),
  ...(installation.settings.runsService ? [databaseTest(installation)] : []),
];

const requestTests = ({ settings }: Installation): SmokeTest[] => {
  const root = chefServerUrl(settings);
  const statusOf = async (path: string): Promise<number> => {
    const http = new HttpClient(tlsOptions(settings));
    try {
      const response = await http.send({ method: 'GET', url: `${root}${path}` });
      return response.ok ? response.value.status : fail(response.error.reason);
    } finally {
      await http.close();
    }
  };
  return [
    {
      name: 'the server responds',
      run: async () => {
        const response = await fetchServerStatus(settings);
        if (!('status' in response)) fail(response.reason);
      },
    },
    {
      name: 'the server responds at the address of the Chef Server',
      run: async () => {
        const status = await statusOf('/pushy/_status');
        if (status !== 200) fail(`${root}/pushy/_status responds with ${status}`);
      },
    },
    {
      name: 'a request without a signature is rejected',
      run: async () => {
        const status = await statusOf('/organizations/smoke-test/pushy/jobs');
        if (status !== 400 && status !== 401) fail(`the status is ${status} instead of 400 or 401`);
      },
    },
  ];
};

/** Writes with the server's role; a frontend does not have its password. */
const databaseTest = (installation: Installation): SmokeTest => ({
  name: 'the database can be written',
  run: () =>
    withDatabaseConnection(installation.ownerConnection(), async (database) => {
      await database.query('CREATE TEMPORARY TABLE smoke_test (n int)');
      await database.query('INSERT INTO smoke_test VALUES (1)');
    }),
});

/** Uses the advertised name, because it may not resolve to this machine. */
const nodePortsTest = ({ settings }: Installation): SmokeTest => {
  const { server_name_advertised: host, command_port, server_heartbeat_port } = settings.serverConfig;
  return {
    name: `nodes reach the server at ${host}, ports ${command_port} and ${server_heartbeat_port}`,
    run: async () => {
      const ports = [command_port, server_heartbeat_port];
      const open = await Promise.all(ports.map((port) => portIsOpen(host, port)));
      const closed = ports.filter((_port, index) => open[index] !== true);
      if (closed.length === 0) return;
      fail(
        `cannot connect to ${closed.map((port) => `${host}:${port}`).join(' and ')}: open the ports in the firewall, or ` +
          "correct opscode_pushy_server['server_name_advertised']",
      );
    },
  };
};
