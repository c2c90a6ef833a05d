/** What the program tells its caller when it ends. Service verbs end with the sum of the services' codes. */
export const EXIT = {
  ok: 0,
  /** It failed, or the command is not known. */
  failed: 1,
  /** The arguments do not fit the command. */
  usage: 2,
} as const;
