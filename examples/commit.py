"""Stores a folder, and has the peer promise to keep it.

python commit.py AET@host:port FOLDER
"""

import sys

from dicomnet import Peer

peer = Peer(sys.argv[1])
print(peer.commit(peer.store(sys.argv[2])))
