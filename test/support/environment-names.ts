import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, statSync } from 'node:fs';

/** Larger files hold too many words that are no variables. */
const MAX_BYTES = 8_000_000;

/** Returns the path of a program in PATH; undefined if it is missing. */
export const findProgram = (name: string): string | undefined => {
  try {
    return realpathSync(execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim());
  } catch {
    return undefined;
  }
};

/** Returns names of variables that a program and its libraries may read: words in them that look like such names. */
export const environmentNamesIn = (program: string): readonly string[] =>
  [program, ...librariesOf(program)].flatMap((file) => {
    if (statSync(file).size > MAX_BYTES) return [];
    const content = readFileSync(file, 'latin1');
    const names = content.startsWith('\x7fELF')
      ? content.matchAll(/(?<=\0)([A-Z_][A-Z\d_]{2,40}|[a-z]+_proxy)(?=\0)/g)
      : content.matchAll(
          /\$\{?([A-Za-z_]\w{1,40})|ENV\{\W?(\w+)|environ\W+(?:get\W+)?(\w+)|process\.env\.(\w+)/g,
        );
    return [...names].flatMap((match) => match.slice(1).filter((name?: string) => name !== undefined));
  });

const librariesOf = (program: string): readonly string[] => {
  try {
    const text = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...text.matchAll(/=> (\/\S+)/g)].map(([, path = '']) => realpathSync(path));
  } catch {
    return []; // a script, or there is no ldd
  }
};
