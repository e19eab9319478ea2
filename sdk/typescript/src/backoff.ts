/**
 * How long to wait before connecting again: full jitter (M. Brooker, "Exponential Backoff And Jitter") over
 * 1 s, 2 s, 4 s … 30 s, though at least a tenth of that, so that a server that refuses at once is not hammered.
 *
 * @param failures connections that failed in a row, from 1
 * @param draw     uniform in [0, 1)
 * @returns milliseconds
 */
export function reconnectDelay(failures: number, draw: number, first = 1_000, longest = 30_000): number {
  const bound = Math.min(longest, first * 2 ** Math.min(failures - 1, 20));
  return Math.round(bound * (0.1 + 0.9 * draw));
}
