import { AppError } from '../../shared/lib/app-error.js';

const ORGANIZATION_PATH = /\/organizations\/[^/]+\/*$/;
const ORGANIZATION_NAME = /^[a-z0-9][a-z0-9_-]*$/;

/**
 * Replaces the organization in the URL of a Chef Server, or adds it; returns the URL unchanged if `organization` is
 * undefined. Throws an AppError if the organization name is invalid.
 */
export const withOrganization = (serverUrl: string, organization: string | undefined): string => {
  if (organization === undefined) return serverUrl;
  if (!ORGANIZATION_NAME.test(organization)) {
    throw new AppError(
      'bad_organization',
      `'${organization}' is not a valid organization name: use only lower-case letters, digits, - and _`,
    );
  }
  return `${serverUrl.replace(ORGANIZATION_PATH, '').replace(/\/+$/, '')}/organizations/${organization}`;
};
