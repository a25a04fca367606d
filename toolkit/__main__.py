"""`python -m toolkit` is `trash`."""

from toolkit.cli.main import main

if __name__ == "__main__":
    main()
