import { AppError } from '../../shared/lib/app-error.js';

const ORGANIZATION = /\/organizations\/[^/]+\/*$/;
const NAME = /^[a-z0-9][a-z0-9_-]*$/;

/**
 * The address of a Chef Server with its organization replaced, or added where the address names none; as it is where no
 * other organization is asked for. Throws an AppError where that cannot be the name of one.
 */
export const withOrganization = (serverUrl: string, organization: string | undefined): string => {
  if (organization === undefined) return serverUrl;
  if (!NAME.test(organization)) {
    throw new AppError(
      'bad_organization',
      `'${organization}' is not the name of an organization: that has small letters, digits, - and _ only`,
    );
  }
  return `${serverUrl.replace(ORGANIZATION, '').replace(/\/+$/, '')}/organizations/${organization}`;
};
