"""`python -m gruvy` is the same as `gruvy`."""

from gruvy.cli import main

if __name__ == "__main__":
    main()
