"""`python -m secondeye` is the command `secondeye`."""

from secondeye.cli import main

if __name__ == "__main__":
    main()
