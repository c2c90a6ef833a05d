/** Writes the copyright file of a package. */

/**
 * Returns the text of Debian's copyright file.
 * @param {import('./source.mjs').Source} source
 * @param {readonly string[]} packages the npm packages, as folders of the lock file
 * @returns {string}
 */
export const copyrightOf = (source, packages) =>
  `Copyright ${new Date(source.epoch * 1000).getUTCFullYear()} the contributors to Push Jobs for Chef.
Its license is ${source.lock[''].license}, on Debian in /usr/share/common-licenses/Apache-2.0.

Node.js, in embedded/, is Copyright Node.js contributors; its license and those
of its libraries are in embedded/LICENSE.node.

These npm packages are in node_modules/, each with its license if it has a file for it:

${packages.map((path) => `  ${nameOf(path)} ${source.lock[path].version}: ${source.lock[path].license ?? 'see the package'}`).join('\n')}
`;

const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
