"""How a command ends: by its exit status or a sentence, and not by a traceback of a signal."""

import signal
import sys


def run_command(main, stopped="Stopped."):
    """Run a command, and end this process with its exit status.

    Ctrl-C, the signals that ask a process to end, and an error of the system, such as a full disk
    or a folder that can't be written to, end it with a sentence and the exit status 1. What it
    has begun is undone on the way, as by Ctrl-C. A signal that is ignored already, as under
    `nohup`, stays ignored.

    Args:
        main: A function without arguments, which returns an exit status; other values count as 0.
        stopped: The sentence after an interruption.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        status = main()
    except KeyboardInterrupt:
        sys.exit(f"\n{stopped}")
    except OSError as error:
        sys.exit(f"\nStopped: {error}")
    sys.exit(status if isinstance(status, int) else 0)
