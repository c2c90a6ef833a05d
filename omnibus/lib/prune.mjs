/** What npm packages bring along and a running program never reads. Paths are relative to the package. */

/** Of any package: what is for those who develop with it. Licenses stay. */
const NEVER_READ = [
  /^(tests?|docs?|examples?|bench(marks?)?|coverage|\.[^/]+)\//,
  /(^|\/)\.[^/]+$/,
  /\.([cm]?tsx?|map|flow|html|sh|tsbuildinfo|lock)$/,
  /(^|\/)(?!licen[cs]e|notice|copying)[^/]*\.md$/i,
  /^(bench|benchmark|eslint\.config|[^/]*\.test)\.[cm]?js$/,
  /(^|\/)(tsconfig[^/]*\.json|Makefile|CMakeLists\.txt|binding\.gyp|[^/]*\.gypi?)$/,
];

/**
 * Of one package.
 * @type {Record<string, (architecture: import('./architecture.mjs').Architecture) => RegExp[]>}
 */
const OF_PACKAGE = {
  // The loader is in JavaScript; the rest builds addons. It takes the highest Node-API build, that of ABI 127 (Node.js 22 and newer).
  'cmake-ts': () => [/^(?!build\/loader\.js$|package\.json$)/],
  'node-addon-api': () => [/^(?!package\.json$)/],
  zeromq: ({ npm }) => [
    /^(src|script)\//,
    /^vcpkg\.json$/,
    new RegExp(`^build/(?!manifest\\.json$|linux/${npm}/node/glibc-127-Release/)`),
  ],
  // Compiled once more for browsers and for older module systems.
  rxjs: () => [/^(src|dist\/(bundles|esm|esm5|types))\//],
  typeorm: () => [/^browser\//, /^cli/],
  zod: () => [/^src\//],
  // PostgreSQL extensions of the embedded database, which no migration uses; and its form for older module systems.
  '@electric-sql/pglite': () => [/\.tar\.gz$/, /\.cjs$/],
};

/**
 * Says of a package's files whether a running program needs them.
 * @param {string} name of the package
 * @param {import('./architecture.mjs').Architecture} architecture
 * @returns {(path: string) => boolean}
 */
export const isNeededOf = (name, architecture) => {
  const rules = [...NEVER_READ, ...(OF_PACKAGE[name]?.(architecture) ?? [])];
  return (path) => !rules.some((rule) => rule.test(path));
};
