/** Finds files of npm packages that a running program never reads. Paths are relative to the package. */

/** In any package: files for developers. Licenses stay. */
const NEVER_READ = [
  /^(tests?|docs?|examples?|bench(marks?)?|coverage|\.[^/]+)\//,
  /(^|\/)\.[^/]+$/,
  /\.([cm]?tsx?|map|flow|html|sh|tsbuildinfo|lock)$/,
  /(^|\/)(?!licen[cs]e|notice|copying)[^/]*\.md$/i,
  /^(bench|benchmark|eslint\.config|[^/]*\.test)\.[cm]?js$/,
  /(^|\/)(tsconfig[^/]*\.json|Makefile|CMakeLists\.txt|binding\.gyp|[^/]*\.gypi?)$/,
];

/**
 * In one package.
 * @type {Record<string, (architecture: import('./architecture.mjs').Architecture) => RegExp[]>}
 */
const OF_PACKAGE = {
  // Only the loader is needed; the rest builds addons. The loader chooses the highest Node-API build, ABI 127 (Node.js 22 and newer).
  'cmake-ts': () => [/^(?!build\/loader\.js$|package\.json$)/],
  'node-addon-api': () => [/^(?!package\.json$)/],
  zeromq: ({ npm }) => [
    /^(src|script)\//,
    /^vcpkg\.json$/,
    new RegExp(`^build/(?!manifest\\.json$|linux/${npm}/node/glibc-127-Release/)`),
  ],
  // Copies that are compiled for browsers and older module systems.
  rxjs: () => [/^(src|dist\/(bundles|esm|esm5|types))\//],
  typeorm: () => [/^browser\//, /^cli/],
  zod: () => [/^src\//],
  // PostgreSQL extensions that no migration uses, and a copy for older module systems.
  '@electric-sql/pglite': () => [/\.tar\.gz$/, /\.cjs$/],
};

/**
 * Returns a predicate: whether a running program needs a file of this package.
 * @param {string} name of the package
 * @param {import('./architecture.mjs').Architecture} architecture
 * @returns {(path: string) => boolean}
 */
export const isNeededOf = (name, architecture) => {
  const rules = [...NEVER_READ, ...(OF_PACKAGE[name]?.(architecture) ?? [])];
  return (path) => !rules.some((rule) => rule.test(path));
};
