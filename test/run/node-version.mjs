/** Checks the version of Node.js against package.json. */
import { readFileSync } from 'node:fs';
import { StepFailed } from './steps.mjs';

const numbers = (version) => {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return [major, minor, patch];
};

const atLeast = (version, oldest) => {
  for (const place of [0, 1, 2]) {
    if (version[place] !== oldest[place]) return version[place] > oldest[place];
  }
  return true;
};

/**
 * Whether a version is in a range of `^1.2.3` and `>=1.2.3` joined by `||`. This runs before npm packages are installed,
 * so it cannot use one.
 * @param {string} version such as 20.19.0
 * @param {string} range as in "engines"
 */
export const satisfies = (version, range) =>
  range.split('||').some((text) => {
    const [, form, oldest] = /^(\^|>=)([\d.]+)$/.exec(text.trim()) ?? [];
    if (form === undefined)
      throw new Error(
        `"engines" in package.json contains '${text.trim()}'; this check supports only ^1.2.3 and >=1.2.3`,
      );
    const [is, wanted] = [numbers(version), numbers(oldest)];
    return atLeast(is, wanted) && (form === '>=' || is[0] === wanted[0]);
  });

/** Throws a StepFailed if this Node.js is not supported. */
export const checkNodeVersion = () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
  if (satisfies(process.versions.node, engines.node)) return;
  throw new StepFailed(`this is Node.js ${process.versions.node}; install ${engines.node}`);
};
