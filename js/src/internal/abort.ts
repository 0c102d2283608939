/**
 * Waiting that can be given up. Owns the race of an answer against a signal.
 */

/** Milliseconds that a timer can be set for. */
const LONGEST = 2 ** 31 - 1;

/** The answer, unless `signal` is aborted first: who answers need not listen to it. Rejects with the reason of the signal then. */
export async function orAborted<T>(signal: AbortSignal | undefined, answer: PromiseLike<T> | T): Promise<T> {
  if (!signal) return answer;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    if (stop) signal.removeEventListener("abort", stop);
  }
}

/** Resolves after so many milliseconds, or rejects with the reason of `signal` if that is aborted first. */
export function sleep(millis: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    let timer: ReturnType<typeof setTimeout>;
    // A timer that is set for longer fires at once.
    const wait = (left: number): void => {
      timer = setTimeout(() => {
        if (left > LONGEST) return wait(left - LONGEST);
        signal?.removeEventListener("abort", stop);
        resolve();
      }, Math.min(left, LONGEST));
    };
    wait(millis);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });
}
