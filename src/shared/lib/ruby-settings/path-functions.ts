import { posix } from 'node:path';

/** What the values of a settings file can depend on. */
export interface SettingsContext {
  /** The file's absolute path. */
  readonly file: string;
  /** The environment that `ENV['X']` reads. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder for `~`. */
  readonly home: string;
  /** The folder that relative paths start from. */
  readonly cwd: string;
}

type PathFunction = (args: readonly string[], context: SettingsContext) => string | undefined;

const expandHome = (path: string, home: string): string =>
  path === '~' || path.startsWith('~/') ? home + path.slice(1) : path;

/** The functions of Ruby's `File` that settings files use, by name; they return undefined for invalid arguments. */
export const PATH_FUNCTIONS: Readonly<Record<string, PathFunction>> = {
  join: (args) => args.join('/').replace(/\/{2,}/g, '/'),
  dirname: ([path]) => (path === undefined ? undefined : posix.dirname(path)),
  basename: ([path]) => (path === undefined ? undefined : posix.basename(path)),
  expand_path: ([path, from = '.'], { home, cwd }) =>
    path === undefined ? undefined : posix.resolve(cwd, expandHome(from, home), expandHome(path, home)),
};
