"""Asks whether a peer is there.

python echo.py AET@host:port
"""

import sys

from dicomnet import Peer

print(Peer(sys.argv[1]).echo())
