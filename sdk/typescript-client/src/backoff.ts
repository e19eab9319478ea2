export interface RetryOptions {
  /** Requests in all, the first included, before a query or mutation gives up; 8 unless given. Watching never does. */
  attempts?: number;
  /** Longest wait after the first failure, in milliseconds; 250 unless given. */
  first?: number;
  /** Longest wait after any; 10 s unless given. */
  longest?: number;
}

/** Full jitter (M. Brooker, "Exponential Backoff And Jitter"), though at least a tenth of the bound. */
export function retryDelay(failures: number, { first, longest }: Required<RetryOptions>, draw: number): number {
  return Math.min(longest, first * 2 ** Math.min(failures - 1, 20)) * (0.1 + 0.9 * draw);
}

/** Resolves after the time; rejects with the signal's reason when that aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
