/** What a processor is called by those who must know it. */
import { BuildFailed } from './run.mjs';

/**
 * @typedef {object} Architecture
 * @property {string} deb Debian's name
 * @property {string} rpm RPM's name
 * @property {string} npm Node.js's name
 * @property {string} strip the program that takes symbols out of its binaries
 */

/** @type {Record<string, Architecture>} */
const ARCHITECTURES = {
  amd64: { deb: 'amd64', rpm: 'x86_64', npm: 'x64', strip: 'x86_64-linux-gnu-strip' },
  arm64: { deb: 'arm64', rpm: 'aarch64', npm: 'arm64', strip: 'aarch64-linux-gnu-strip' },
};

/**
 * @param {string} name Debian's name
 * @returns {Architecture}
 */
export const architectureNamed = (name) => {
  const found = ARCHITECTURES[name];
  if (found !== undefined) return found;
  throw new BuildFailed(`no packages for '${name}'; there are ${Object.keys(ARCHITECTURES).join(', ')}`);
};
