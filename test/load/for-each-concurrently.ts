/** Calls `act` for each item, for at most `concurrency` items at a time; rejects with the first failure. */
export const forEachConcurrently = async <T>(
  concurrency: number,
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<void> => {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await act(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
};
