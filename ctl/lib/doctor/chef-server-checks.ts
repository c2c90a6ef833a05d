import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../../../src/shared/lib/app-error.js';
import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import type { HttpResponse } from '../../../src/shared/platform/http/http-exchange.js';
import {
  isSupportedVersion,
  chefServerUrl,
  superuserHttp,
  tlsOptions,
} from '../chef-server/superuser-http.js';
import type { Nginx } from '../nginx.js';
import type { Installation } from '../installation.js';
import { outputOf } from '../run-program.js';
import { serverAddress } from '../server-status.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';
import { fault, type Check, ok, warning } from './check.js';
import type { Finding } from '../../../src/shared/lib/finding.js';

const RECONFIGURE = 'run: opscode-push-jobs-server-ctl reconfigure';
const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const DAY_MS = 86_400_000;
/** Certificates that expire sooner get a warning. */
const CERTIFICATE_DAYS = 30;
/** The Chef Server rejects signed requests if the clocks differ by more than 15 minutes. */
const SKEW_WARNING_MS = 60_000;
const SKEW_LIMIT_MS = 900_000;

/** Checks that the Chef Server is reachable and new enough, accepts the superuser's key, and has the same time. */
export const chefServerCheck: Check = {
  name: 'Chef Server',
  run: async (installation) => {
    const { superuser, api_version } = installation.settings.serverConfig.chef_server;
    const http = new HttpClient(tlsOptions(installation.settings));
    try {
      const { clock } = installation.context.environment;
      const signed = superuserHttp(http, installation);
      if (!signed.ok) return [fault(signed.error.text, signed.error.remedy)];
      const headers = { 'X-Ops-Server-API-Version': '1', 'X-Chef-Version': api_version };
      const url = `${chefServerUrl(installation.settings)}/users/${superuser}`;
      const response = await signed.value.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS });
      if (!response.ok) {
        return [
          fault(response.error.reason, "is the Chef Server running, and is chef_server['root_url'] right?"),
        ];
      }
      return [
        checkKey(response.value, superuser),
        checkVersion(response.value),
        ...checkClock(response.value, clock.now()),
      ];
    } finally {
      await http.close();
    }
  },
};

const checkKey = ({ status }: HttpResponse, superuser: string): Finding => {
  if (status === 200) return ok(`accepts the key of ${superuser}`);
  return status === 401
    ? fault(
        `it does not accept the key of ${superuser}`,
        'replace ours by the key that the Chef Server knows',
      )
    : fault(`it answers ${status}`, 'check the Chef Server: chef-server-ctl status');
};

const checkVersion = ({ headers }: HttpResponse): Finding =>
  isSupportedVersion(headers)
    ? ok('is new enough')
    : fault('is older than 12.14', 'upgrade the Chef Server to 12.14 or newer');

const checkClock = ({ headers }: HttpResponse, nowMs: number): Finding[] => {
  const theirs = Date.parse(String(headers.date));
  if (Number.isNaN(theirs)) return [];
  const skewMs = Math.abs(theirs - nowMs);
  const text = `its clock and ours are ${Math.round(skewMs / 1000)} s apart`;
  if (skewMs < SKEW_WARNING_MS) return [ok(text)];
  return [skewMs < SKEW_LIMIT_MS ? warning(text, 'let both use NTP') : fault(text, 'let both use NTP')];
};

/** Checks the route through nginx, and that nginx accepts its configuration. */
export const nginxCheck: Check = {
  name: 'nginx',
  run: async (installation, haRole) => {
    const nginx = installation.nginx();
    if (nginx === undefined) return [];
    const tested = await nginx.test();
    const configuration =
      tested.code === 0
        ? ok('its configuration is valid')
        : fault(
            `it rejects its configuration: ${outputOf(tested)}`,
            'fix what it names; ours are the files in addon.d',
          );
    const { settings } = installation;
    if (!settings.isRouted) return [configuration, checkNoRoute(nginx)];
    const isActive = haRole.kind === 'active';
    return [
      configuration,
      isActive ? await checkStatusThroughNginx(installation) : checkRoute(nginx, settings),
    ];
  },
};

const checkNoRoute = (nginx: Nginx): Finding =>
  nginx.hasRoute
    ? fault('it has a route to a server that is switched off', RECONFIGURE)
    : ok('it has no route, since the server is switched off');

/** The route must exist even while the server does not respond yet. */
const checkRoute = (nginx: Nginx, settings: ResolvedSettings): Finding =>
  nginx.hasRouteTo(serverAddress(settings))
    ? ok('its route leads to the server on this machine, for the time when that answers')
    : fault('its route to the server is missing or wrong', RECONFIGURE);

const checkStatusThroughNginx = async (installation: Installation): Promise<Finding> => {
  const url = `${chefServerUrl(installation.settings)}/pushy/_status`;
  const http = new HttpClient(tlsOptions(installation.settings));
  try {
    const response = await http.send({ method: 'GET', url, timeoutMs: TIMEOUT_MS });
    const reason = response.ok ? `${url} answers ${response.value.status}` : response.error.reason;
    if (response.ok && response.value.status === 200) return ok(`${url} leads to the server`);
    return fault(reason, 'check that the service runs, then: opscode-push-jobs-server-ctl reconfigure');
  } finally {
    await http.close();
  }
};

/** Checks how long the Chef Server's certificate is still valid. */
export const certificateCheck: Check = {
  name: 'certificate',
  run: async ({ settings, context }) => {
    const url = new URL(settings.serverConfig.chef_server.root_url);
    if (url.protocol !== 'https:') return [];
    const until = await validUntil(url);
    if (typeof until === 'string') return [fault(`cannot be read: ${until}`, 'is the Chef Server running?')];
    const days = Math.floor((until - context.environment.clock.now()) / DAY_MS);
    const text = `the certificate of ${url.host} is valid for ${days} more days`;
    const remedy = 'renew it: chef-server-ctl reconfigure, or the file that nginx.ssl_certificate names';
    if (days < 0) return [fault(`the certificate of ${url.host} has expired`, remedy)];
    return [days < CERTIFICATE_DAYS ? warning(text, remedy) : ok(text)];
  },
};

/** Returns the expiry in milliseconds since 1970, or an error text. The other checks show whether it is trusted. */
const validUntil = ({ hostname, port }: URL): Promise<number | string> =>
  new Promise((resolve) => {
    const socket = connectTls({
      host: hostname,
      port: Number(port || 443),
      servername: isIP(hostname) === 0 ? hostname : '', // SNI allows only names
      rejectUnauthorized: false,
      timeout: CONNECT_TIMEOUT_MS,
    });
    const end = (response: number | string): void => {
      socket.destroy();
      resolve(response);
    };
    socket
      .once('secureConnect', () => end(Date.parse(socket.getPeerCertificate().valid_to)))
      .once('error', (error) => end(messageOf(error)))
      .once('timeout', () => end('no response'));
  });
