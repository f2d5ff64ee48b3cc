"""``python -m asd_cli``, and where the `asd` command begins."""

import os
import sys

from asd_cli.core.interrupts import Terminated, raise_when_terminated


def main() -> None:
    """Run the command line; a signal ends it with its documented status and no traceback."""
    # Matrices of this size gain nothing from threads of BLAS, which wait for each other while they
    # compute; results then do not depend on their number either. Read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        raise_when_terminated()
        from asd_cli.cli.main import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Terminated:
        sys.exit(143)
    except OSError as error:
        # Help and usage texts, which Typer prints, on a full disk or into a closed pipe.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        sys.exit(0 if isinstance(error, BrokenPipeError) else f"error: {error.strerror}")


if __name__ == "__main__":
    main()
