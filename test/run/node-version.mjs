/** Whether this Node.js is one that package.json allows. */
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
 * Whether a version is in a range made of `^1.2.3` and `>=1.2.3` joined by `||`; the packages that know every form of
 * range are not installed yet.
 * @param {string} version such as 20.19.0
 * @param {string} range as in "engines"
 */
export const satisfies = (version, range) =>
  range.split('||').some((text) => {
    const [, form, oldest] = /^(\^|>=)([\d.]+)$/.exec(text.trim()) ?? [];
    if (form === undefined)
      throw new Error(`"engines" has '${text.trim()}'; only ^1.2.3 and >=1.2.3 are understood`);
    const [is, wanted] = [numbers(version), numbers(oldest)];
    return atLeast(is, wanted) && (form === '>=' || is[0] === wanted[0]);
  });

/** Throws a StepFailed where this Node.js is not allowed. */
export const checkNodeVersion = () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
  if (satisfies(process.versions.node, engines.node)) return;
  throw new StepFailed(`this is Node.js ${process.versions.node}, needed is ${engines.node}`);
};
