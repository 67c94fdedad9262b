"""Has a peer send a study to somebody else whom it knows.

python move.py AET@host:port DESTINATION-AET STUDY-INSTANCE-UID
"""

import sys

from dicomnet import Peer

print(Peer(sys.argv[1]).move(sys.argv[2], StudyInstanceUID=sys.argv[3]))
