import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../../../src/shared/lib/app-error.js';
import { HttpClient } from '../../../src/shared/platform/http/http-client.js';
import type { HttpResponse } from '../../../src/shared/platform/http/http-exchange.js';
import { isNewEnough, rootOf, superuserHttp, trustedBy } from '../chef-server/superuser-http.js';
import type { Nginx } from '../nginx.js';
import type { Installation } from '../installation.js';
import { saidBy } from '../run-program.js';
import { serverAddress } from '../server-status.js';
import type { Product } from '../settings/resolve-settings.js';
import { bad, type Check, type Finding, good, warning } from './check.js';

const RECONFIGURE = 'run: opscode-push-jobs-server-ctl reconfigure';
const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const DAY_MS = 86_400_000;
/** A certificate that ends sooner is told of. */
const CERTIFICATE_DAYS = 30;
/** Signed requests are refused beyond 15 minutes; long before that something is wrong with the clock. */
const SKEW_WARNING_MS = 60_000;
const SKEW_LIMIT_MS = 900_000;

/** The Chef Server: reachable, new enough, takes the superuser's key, and has the same time. */
export const chefServerCheck: Check = {
  name: 'Chef Server',
  run: async (installation) => {
    const { superuser, api_version } = installation.product.serverConfig.chef_server;
    const http = new HttpClient(trustedBy(installation.product));
    try {
      const { clock } = installation.context.environment;
      const signed = superuserHttp(http, installation);
      if (!signed.ok) return [bad(signed.error.text, signed.error.mend)];
      const headers = { 'X-Ops-Server-API-Version': '1', 'X-Chef-Version': api_version };
      const url = `${rootOf(installation.product)}/users/${superuser}`;
      const answer = await signed.value.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS });
      if (!answer.ok) {
        return [
          bad(answer.error.reason, "is the Chef Server running, and is chef_server['root_url'] right?"),
        ];
      }
      return [
        judgeKey(answer.value, superuser),
        judgeAge(answer.value),
        ...judgeClock(answer.value, clock.now()),
      ];
    } finally {
      await http.close();
    }
  },
};

const judgeKey = ({ status }: HttpResponse, superuser: string): Finding => {
  if (status === 200) return good(`takes the key of ${superuser}`);
  return status === 401
    ? bad(
        `it does not take the key of ${superuser}`,
        'put the key that the Chef Server knows in place of ours',
      )
    : bad(`it answers ${status}`, 'look at the Chef Server: chef-server-ctl status');
};

const judgeAge = ({ headers }: HttpResponse): Finding =>
  isNewEnough(headers)
    ? good('is new enough')
    : bad('is older than 12.14', 'upgrade the Chef Server to 12.14 or newer');

const judgeClock = ({ headers }: HttpResponse, nowMs: number): Finding[] => {
  const theirs = Date.parse(String(headers.date));
  if (Number.isNaN(theirs)) return [];
  const skewMs = Math.abs(theirs - nowMs);
  const text = `its clock and ours are ${Math.round(skewMs / 1000)} s apart`;
  if (skewMs < SKEW_WARNING_MS) return [good(text)];
  return [skewMs < SKEW_LIMIT_MS ? warning(text, 'let both use NTP') : bad(text, 'let both use NTP')];
};

/** The route through nginx, and whether nginx accepts its configuration. */
export const nginxCheck: Check = {
  name: 'nginx',
  run: async (installation, standing) => {
    const nginx = installation.nginx();
    if (nginx === undefined) return [];
    const tested = await nginx.test();
    const configuration =
      tested.code === 0
        ? good('its configuration is right')
        : bad(
            `it refuses its configuration: ${saidBy(tested)}`,
            'mend what it names; ours are the files in addon.d',
          );
    const { product } = installation;
    if (!product.isRouted) return [configuration, judgeNoRoute(nginx)];
    const isAnswered = standing.kind === 'serves';
    return [configuration, isAnswered ? await askThroughNginx(installation) : judgeRoute(nginx, product)];
  },
};

const judgeNoRoute = (nginx: Nginx): Finding =>
  nginx.hasRoute
    ? bad('it has a route to a server that is switched off', RECONFIGURE)
    : good('it has no route, since the server is switched off');

/** Where the server answers nothing yet, the route to it must be there all the same. */
const judgeRoute = (nginx: Nginx, product: Product): Finding =>
  nginx.leadsTo(serverAddress(product))
    ? good('its route leads to the server on this machine, for the time when that answers')
    : bad('its route to the server is not as it should be', RECONFIGURE);

const askThroughNginx = async (installation: Installation): Promise<Finding> => {
  const url = `${rootOf(installation.product)}/pushy/_status`;
  const http = new HttpClient(trustedBy(installation.product));
  try {
    const answer = await http.send({ method: 'GET', url, timeoutMs: TIMEOUT_MS });
    const reason = answer.ok ? `${url} answers ${answer.value.status}` : answer.error.reason;
    if (answer.ok && answer.value.status === 200) return good(`${url} leads to the server`);
    return bad(reason, 'see that the service runs, then: opscode-push-jobs-server-ctl reconfigure');
  } finally {
    await http.close();
  }
};

/** How long the Chef Server's certificate is still good for. */
export const certificateCheck: Check = {
  name: 'certificate',
  run: async ({ product, context }) => {
    const url = new URL(product.serverConfig.chef_server.root_url);
    if (url.protocol !== 'https:') return [];
    const until = await validUntil(url);
    if (typeof until === 'string') return [bad(`cannot be seen: ${until}`, 'is the Chef Server running?')];
    const days = Math.floor((until - context.environment.clock.now()) / DAY_MS);
    const text = `the certificate of ${url.host} is good for ${days} more days`;
    const mend = 'renew it: chef-server-ctl reconfigure, or the file that nginx.ssl_certificate names';
    if (days < 0) return [bad(`the certificate of ${url.host} has ended`, mend)];
    return [days < CERTIFICATE_DAYS ? warning(text, mend) : good(text)];
  },
};

/** Milliseconds since 1970, or why it cannot be had. Whether it is trusted, the other checks show. */
const validUntil = ({ hostname, port }: URL): Promise<number | string> =>
  new Promise((resolve) => {
    const socket = connectTls({
      host: hostname,
      port: Number(port || 443),
      servername: isIP(hostname) === 0 ? hostname : '', // only names can be asked for
      rejectUnauthorized: false,
      timeout: CONNECT_TIMEOUT_MS,
    });
    const end = (answer: number | string): void => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .once('secureConnect', () => end(Date.parse(socket.getPeerCertificate().valid_to)))
      .once('error', (error) => end(messageOf(error)))
      .once('timeout', () => end('no answer'));
  });
