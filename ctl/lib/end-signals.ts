/** Ask for the end: Ctrl-C, whoever stops programs, and a terminal that is gone. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Is told why the program is to end. */
export type EndHandler = (reason: string) => void;

/** Who must tidy up before this process ends; as long as there is one, signals do not end it by themselves. */
const handlers = new Set<EndHandler>();

const tellOfSignal = (signal: NodeJS.Signals): void => tell(`got ${signal}`);

const tell = (reason: string): void => {
  for (const handler of handlers) handler(reason);
};

/** Calls the handler at each signal that asks for the end; call what is returned when there is nothing to tidy up any more. */
export const onEndSignal = (handler: EndHandler): (() => void) => {
  if (handlers.size === 0) for (const signal of SIGNALS) process.on(signal, tellOfSignal);
  handlers.add(handler);
  return () => {
    handlers.delete(handler);
    if (handlers.size === 0) for (const signal of SIGNALS) process.off(signal, tellOfSignal);
  };
};

/** Ends the process since nobody reads its output any more, or has whoever must tidy up do so first. */
export const endWithoutReader = (): void => {
  if (handlers.size === 0) process.exit();
  tell('nobody reads the output any more');
};
