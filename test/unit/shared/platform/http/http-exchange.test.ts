import { expect, test } from 'vitest';
import { explainRedirect } from '../../../../../src/shared/platform/http/http-exchange.js';

const SERVER = 'http://chef/organizations/acme';
const ASKED = `${SERVER}/pushy/config/web1?ccpk=a`;

test.each([
  ['https://chef/organizations/acme/pushy/config/web1?ccpk=a', "to 'https://chef/organizations/acme', if"],
  ['https://new:444/x/organizations/b/pushy/config/web1', "to 'https://new:444/x/organizations/b', if"],
  ['/login?next=a', 'it points to http://chef/login, which is not followed; set chef_server_url to the Chef'],
  [ASKED, "set chef_server_url to the Chef Server's own"],
])('explains what to set for a redirect to %s', (location, text) => {
  expect(explainRedirect({ status: 301, headers: { location } }, ASKED, SERVER)).toContain(text);
});

test.each([
  [404, { location: 'https://chef/' }],
  [304, {}],
  [302, { location: 'http://a:b' }],
])('does not treat status %i with %j as a redirect', (status, headers) => {
  expect(explainRedirect({ status, headers }, ASKED, SERVER)).toBeUndefined();
});
