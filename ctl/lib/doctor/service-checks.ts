import { networkInterfaces } from 'node:os';
import { portIsOpen } from '../port-is-open.js';
import { askHealth } from '../server-status.js';
import { type ServiceOutcome, STATUS_CODE } from '../services/supervisor.js';
import type { Product } from '../settings/resolve-settings.js';
import { bad, type Check, type Finding, good, warning } from './check.js';
import type { Standing } from '../ha-role.js';

const LOOK_INTO_LOG = 'look into its log: opscode-push-jobs-server-ctl tail';

/** The service, its REST interface and its log; of a standby, that it waits. */
export const serviceCheck: Check = {
  name: 'service',
  run: async ({ product, context }, standing) => {
    if (!product.runsService) return [];
    const supervisor = context.supervisor();
    return [
      ...(await judgeService(product, await supervisor.status(), standing)),
      ...judgeRotation(supervisor.missingRotator(), product),
    ];
  },
};

const judgeService = async (
  product: Product,
  { code, text }: ServiceOutcome,
  standing: Standing,
): Promise<Finding[]> => {
  if (code !== STATUS_CODE.running)
    return [bad(text, 'run: opscode-push-jobs-server-ctl start; its log: … tail')];
  if (standing.kind !== 'serves') return [good(text), judgeWaiting(standing)];
  const health = await askHealth(product);
  return health === 'ready'
    ? [good(text), good('is ready')]
    : [bad(`it runs, but is ${health}`, LOOK_INTO_LOG)];
};

const judgeRotation = (missing: string | undefined, { folders }: Product): Finding[] =>
  missing === undefined
    ? []
    : [
        warning(
          `the log in ${folders.logs} grows for ever: there is no ${missing} here`,
          `install ${missing}`,
        ),
      ];

const judgeWaiting = (standing: Exclude<Standing, { kind: 'serves' }>): Finding => {
  switch (standing.kind) {
    case 'stands by':
      return good(
        `stands by: it waits for the active server, on ${standing.activeHost}, to end, and answers nothing until then`,
      );
    case 'takes over':
      return warning('no server is active; this one is about to be', 'run doctor again in ten seconds');
    case 'silent':
      return bad(`it runs, but neither answers nor stands by: ${standing.reason}`, LOOK_INTO_LOG);
    case 'unknown':
      return warning(
        `it runs and does not answer; whether it stands by cannot be seen: ${standing.reason}`,
        'mend that, and run doctor again',
      );
  }
};

/** The ports that nodes connect to; on a standby, that it will be able to take them. */
export const portsCheck: Check = {
  name: 'ports',
  run: async ({ product }, standing) => {
    const isClear = standing.kind === 'serves' || standing.kind === 'stands by';
    if (!product.runsService || !isClear) return []; // what is wrong with the service is why they are as they are
    const { command_port, server_heartbeat_port, zeromq_listen_address } = product.serverConfig;
    const host = addressIn(zeromq_listen_address);
    const judge = standing.kind === 'stands by' ? judgeFreePort : judgeTakenPort;
    const findings = await Promise.all(
      [command_port, server_heartbeat_port].map((port) => judge(host, port)),
    );
    return findings.flat();
  },
};

/** The address that libzmq listens on there, as this machine reaches it; it takes the name of an interface, too. */
const addressIn = (listenAddress: string): string => {
  const place = listenAddress.replace('tcp://', '');
  if (place === '*') return '127.0.0.1';
  return networkInterfaces()[place]?.find(({ family }) => family === 'IPv4')?.address ?? place;
};

const judgeTakenPort = async (host: string, port: number): Promise<Finding[]> => [
  (await portIsOpen(host, port))
    ? good(`${host}:${port} takes connections`)
    : bad(`nobody listens on ${host}:${port}`, 'start the service, or see in its log who else has the port'),
];

/** An address that is not on this machine now moves with the active server, which has the port there. */
const judgeFreePort = async (host: string, port: number): Promise<Finding[]> => {
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all);
  if (!addresses.some(({ address }) => address === host)) return [];
  return [
    (await portIsOpen(host, port))
      ? bad(
          `another program listens on ${host}:${port}: this server could not take over`,
          `end it; it is shown by: ss -ltnp sport = :${port}`,
        )
      : good(`${host}:${port} is free for the time when this server takes over`),
  ];
};
