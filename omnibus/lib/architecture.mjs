/** Names of processor architectures. */
import { BuildFailed } from './run.mjs';

/**
 * @typedef {object} Architecture
 * @property {string} deb Debian's name
 * @property {string} rpm RPM's name
 * @property {string} npm Node.js's name
 * @property {string} strip the program that strips symbols from its binaries
 */

/** @type {Record<string, Architecture>} */
const ARCHITECTURES = {
  amd64: { deb: 'amd64', rpm: 'x86_64', npm: 'x64', strip: 'x86_64-linux-gnu-strip' },
  arm64: { deb: 'arm64', rpm: 'aarch64', npm: 'arm64', strip: 'aarch64-linux-gnu-strip' },
};

/**
 * Finds an architecture. Throws a BuildFailed if it is unknown.
 * @param {string} name Debian's name
 * @returns {Architecture}
 */
export const architectureNamed = (name) => {
  const found = ARCHITECTURES[name];
  if (found !== undefined) return found;
  throw new BuildFailed(`unknown architecture '${name}'; known: ${Object.keys(ARCHITECTURES).join(', ')}`);
};
