import { posix } from 'node:path';

/** Where a settings file is read, as far as its values can depend on it. */
export interface SettingsPlace {
  /** The file's absolute path. */
  readonly file: string;
  /** The environment that `ENV['X']` reads. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `~` stands for. */
  readonly home: string;
  /** What a relative path starts from. */
  readonly cwd: string;
}

type PathFunction = (args: readonly string[], place: SettingsPlace) => string | undefined;

const expandHome = (path: string, home: string): string =>
  path === '~' || path.startsWith('~/') ? home + path.slice(1) : path;

/** The functions of Ruby's `File` that settings files use, by name; undefined where the arguments do not fit. */
export const PATH_FUNCTIONS: Readonly<Record<string, PathFunction>> = {
  join: (args) => args.join('/').replace(/\/{2,}/g, '/'),
  dirname: ([path]) => (path === undefined ? undefined : posix.dirname(path)),
  basename: ([path]) => (path === undefined ? undefined : posix.basename(path)),
  expand_path: ([path, from = '.'], { home, cwd }) =>
    path === undefined ? undefined : posix.resolve(cwd, expandHome(from, home), expandHome(path, home)),
};
