"""Keeps instances, and commits itself to those that it has.

python commit_scp.py PORT FOLDER
"""

import sys
from pathlib import Path

from dicomnet import Server

server = Server("ARCHIVE", port=int(sys.argv[1]), folder=sys.argv[2])


@server.on_commit
def commit(instances):
    kept = [instance for instance in instances if Path(sys.argv[2], f"{instance.sop_instance_uid}.dcm").exists()]
    return kept, set(instances).difference(kept)


server.run()
