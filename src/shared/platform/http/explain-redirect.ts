import type { HttpResponse } from './http-exchange.js';

/**
 * What to do about an answer that points to another address; undefined where it does not. Nothing is sent there: the
 * signature is for the address that is set. `url` is what was asked, below `serverUrl`.
 */
export const explainRedirect = (
  { status, headers }: Pick<HttpResponse, 'status' | 'headers'>,
  url: string,
  serverUrl: string,
): string | undefined => {
  const [location = ''] = [headers.location].flat();
  if (status < 300 || status > 399 || location === '' || !URL.canParse(location, url)) return undefined;
  const { origin, pathname } = new URL(location, url);
  const asked = new URL(url).pathname.slice(new URL(serverUrl).pathname.length);
  const wanted = pathname.endsWith(asked) ? origin + pathname.slice(0, -asked.length) : serverUrl;
  const advice =
    wanted === serverUrl ? "the Chef Server's own address, if that is it" : `'${wanted}', if that is it`;
  return `it points to ${origin}${pathname}, which is not followed; set chef_server_url to ${advice}`;
};
