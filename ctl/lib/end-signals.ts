/** Signals that ask the program to end: Ctrl-C, kill, and a closed terminal. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Called with the reason why the program must end. */
export type EndHandler = (reason: string) => void;

/** Clean-ups to do before this process ends. While there is one, a signal does not end the process. */
const handlers = new Set<EndHandler>();

const onSignal = (signal: NodeJS.Signals): void => notifyHandlers(`got ${signal}`);

const notifyHandlers = (reason: string): void => {
  for (const handler of handlers) handler(reason);
};

/** Calls the handler at each signal that asks the program to end. The returned function unregisters it. */
export const onEndSignal = (handler: EndHandler): (() => void) => {
  if (handlers.size === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  handlers.add(handler);
  return () => {
    handlers.delete(handler);
    if (handlers.size === 0) for (const signal of SIGNALS) process.off(signal, onSignal);
  };
};

/** Ends the process because nobody reads its output any more; if there are handlers, calls them instead. */
export const exitWithoutReader = (): void => {
  if (handlers.size === 0) process.exit();
  notifyHandlers('nobody reads the output any more');
};
