"""Stores a folder with a peer.

python store.py AET@host:port FOLDER
"""

import sys

from dicomnet import Peer

print(Peer(sys.argv[1]).store(sys.argv[2]))
