"""How long to wait before connecting again."""


def reconnect_delay(failures: int, draw: float, first: float = 1.0, longest: float = 30.0) -> float:
    """Full jitter (M. Brooker, "Exponential Backoff And Jitter") over 1 s, 2 s, 4 s ... 30 s, though at least a tenth of
    that, so that a server that refuses at once is not hammered.

    failures: connections that failed in a row, from 1. draw: uniform in [0, 1). Gives seconds.
    """
    bound = min(longest, first * 2.0 ** min(failures - 1, 20))
    return bound * (0.1 + 0.9 * draw)
