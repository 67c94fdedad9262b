"""`python -m dicomnet`: the command without its script."""

from dicomnet.cli.main import main

main()
