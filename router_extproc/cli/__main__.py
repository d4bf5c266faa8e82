"""`python -m router_extproc.cli` is `router-extproc`."""

from router_extproc.cli.app import main

if __name__ == "__main__":
    main()
