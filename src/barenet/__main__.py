"""`python -m barenet` is `barenet`."""

from barenet.cli.main import main

if __name__ == "__main__":
    main()
