import { type Command, GROUPS } from './command.js';
import { PROGRAM } from './command-context.js';

const ROOT =
  '--root DIR puts every file below DIR; users, systemd and ports stay those of this machine. It is for tests. To build\n' +
  'an image, install only the package, and run reconfigure on the machine that starts from the image.';

/** Lists all commands by group, sorted by name: names are indented by 2, texts by 4. See docs/spec/operations.md, "Commands". */
export const helpText = (commands: readonly Command[]): string => {
  const groups = Object.entries(GROUPS).map(([group, title]) => {
    const members = commands.filter((command) => command.group === group);
    const lines = members
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map(({ name, summary }) => `  ${name}\n    ${summary}`);
    return [title, ...lines].join('\n');
  });
  return `${PROGRAM} [--root DIR] COMMAND [OPTIONS]\n\n${ROOT}\n\n${groups.join('\n')}\n`;
};

/** Shows usage and options of one command. */
export const helpOfCommand = ({ name, summary, argument: word, options = {} }: Command): string => {
  const usage = `${PROGRAM} ${name}${word === undefined ? '' : ` [${word}]`}`;
  const lines = Object.entries(options).map(([option, { type, describe }]) => {
    const value = type === 'string' ? ' VALUE' : '';
    return `  --${option}${value}\n    ${describe}`;
  });
  return [`${usage}\n  ${summary}`, ...(lines.length === 0 ? [] : ['', 'Options:', ...lines]), ''].join('\n');
};
