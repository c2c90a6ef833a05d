import type { Command } from '../command.js';
import { runDoctor } from '../lib/doctor/run-doctor.js';
import { EXIT } from '../lib/exit-code.js';
import { Installation } from '../lib/installation.js';

/** Checks everything that the server needs. */
export const doctor: Command = {
  name: 'doctor',
  group: 'general',
  summary: 'Check everything that the server needs, and say what is wrong and how to fix it.',
  needsRoot: true,
  run: async (context) => {
    const installation = new Installation(context, { superuserPassword: undefined });
    const { wrong } = await runDoctor(installation, (line) => context.print(line));
    context.print(wrong === 0 ? '\nNothing is wrong.' : `\nWrong: ${wrong}`);
    return wrong === 0 ? EXIT.ok : EXIT.failed;
  },
};
