"""Retrieves a study into a folder.

python get.py AET@host:port FOLDER STUDY-INSTANCE-UID
"""

import sys

from dicomnet import Peer

print(Peer(sys.argv[1]).get(sys.argv[2], StudyInstanceUID=sys.argv[3]))
