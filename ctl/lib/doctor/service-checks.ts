import { networkInterfaces } from 'node:os';
import { portIsOpen } from '../port-is-open.js';
import { describeHealth } from '../server-status.js';
import { type ServiceOutcome, STATUS_CODE } from '../services/service-supervisor.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';
import { fault, type Check, ok, warning } from './check.js';
import type { HaRole } from '../ha-role.js';
import type { Finding } from '../../../src/shared/lib/finding.js';

const READ_LOG = 'read its log: opscode-push-jobs-server-ctl tail';

/** Checks the service, its health and its log rotation; of a standby, that it waits for the lease. */
export const serviceCheck: Check = {
  name: 'service',
  run: async ({ settings, context }, haRole) => {
    if (!settings.runsService) return [];
    const supervisor = context.requireSupervisor();
    return [
      ...(await checkService(settings, await supervisor.status(), haRole)),
      ...checkLogRotation(supervisor.missingLogRotator(), settings),
    ];
  },
};

const checkService = async (
  settings: ResolvedSettings,
  { code, text }: ServiceOutcome,
  haRole: HaRole,
): Promise<Finding[]> => {
  if (code !== STATUS_CODE.running)
    return [fault(text, 'run: opscode-push-jobs-server-ctl start; its log: … tail')];
  if (haRole.kind !== 'active') return [ok(text), checkInactiveRole(haRole)];
  const health = await describeHealth(settings);
  return health === 'ready' ? [ok(text), ok('is ready')] : [fault(`it runs, but is ${health}`, READ_LOG)];
};

const checkLogRotation = (missing: string | undefined, { folders }: ResolvedSettings): Finding[] =>
  missing === undefined
    ? []
    : [
        warning(
          `the log in ${folders.logs} grows without limit: ${missing} is not installed`,
          `install ${missing}`,
        ),
      ];

const checkInactiveRole = (haRole: Exclude<HaRole, { kind: 'active' }>): Finding => {
  switch (haRole.kind) {
    case 'standby':
      return ok(
        `stands by: it waits for the active server, on ${haRole.activeHost}, to end, and does not respond until then`,
      );
    case 'taking-over':
      return warning('no server is active; this one takes over', 'run doctor again in ten seconds');
    case 'silent':
      return fault(`it runs, but neither responds nor stands by: ${haRole.reason}`, READ_LOG);
    case 'unknown':
      return warning(
        `it runs and does not respond; whether it stands by is unknown: ${haRole.reason}`,
        'fix that, and run doctor again',
      );
  }
};

/** Checks that the ports for nodes are open; on a standby, that they are free for it. */
export const portsCheck: Check = {
  name: 'ports',
  run: async ({ settings }, haRole) => {
    const isRoleClear = haRole.kind === 'active' || haRole.kind === 'standby';
    if (!settings.runsService || !isRoleClear) return []; // the service check reports the cause
    const { command_port, server_heartbeat_port, zeromq_listen_address } = settings.serverConfig;
    const host = reachableAddress(zeromq_listen_address);
    const checkPort = haRole.kind === 'standby' ? checkPortFree : checkPortInUse;
    const findings = await Promise.all(
      [command_port, server_heartbeat_port].map((port) => checkPort(host, port)),
    );
    return findings.flat();
  },
};

/** Returns the address at which this machine reaches a libzmq endpoint; an endpoint may also name an interface. */
const reachableAddress = (listenAddress: string): string => {
  const place = listenAddress.replace('tcp://', '');
  if (place === '*') return '127.0.0.1';
  return networkInterfaces()[place]?.find(({ family }) => family === 'IPv4')?.address ?? place;
};

const checkPortInUse = async (host: string, port: number): Promise<Finding[]> => [
  (await portIsOpen(host, port))
    ? ok(`${host}:${port} accepts connections`)
    : fault(
        `no program listens on ${host}:${port}`,
        'start the service, or read in its log which program has the port',
      ),
];

/** Skips an address that this machine does not have now: it moves with the active server, which uses the port there. */
const checkPortFree = async (host: string, port: number): Promise<Finding[]> => {
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all);
  if (!addresses.some(({ address }) => address === host)) return [];
  return [
    (await portIsOpen(host, port))
      ? fault(
          `another program listens on ${host}:${port}: this server could not take over`,
          `stop it; find it with: ss -ltnp sport = :${port}`,
        )
      : ok(`${host}:${port} is free for the time when this server takes over`),
  ];
};
