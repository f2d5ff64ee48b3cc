"""``python -m asd_cli``."""

from asd_cli.cli.main import main

if __name__ == "__main__":
    main()
