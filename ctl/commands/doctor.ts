import type { Command } from '../command.js';
import { examine } from '../lib/doctor/examine.js';
import { EXIT } from '../lib/exit-code.js';
import { Installation } from '../lib/installation.js';

/** Looks at everything that the server needs. */
export const doctor: Command = {
  name: 'doctor',
  group: 'general',
  summary: 'Check everything that the server needs, and say what is wrong and how to mend it.',
  needsRoot: true,
  run: async (context) => {
    const installation = new Installation(context, { superuserPassword: undefined });
    const { wrong } = await examine(installation, (line) => context.say(line));
    context.say(wrong === 0 ? '\nNothing is wrong.' : `\nWrong: ${wrong}`);
    return wrong === 0 ? EXIT.ok : EXIT.failed;
  },
};
