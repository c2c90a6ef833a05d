/** Exit codes of the program. Service verbs exit with the service's code. See docs/spec/operations.md, "Commands". */
export const EXIT = {
  ok: 0,
  /** The command failed or is unknown. */
  failed: 1,
  /** The arguments do not fit the command. */
  usage: 2,
} as const;
