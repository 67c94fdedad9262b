"""Serves a modality worklist from data sets in JSON.

python worklist_scp.py PORT FILE.json
"""

import json
import sys
from pathlib import Path

from pydicom import Dataset

from dicomnet import Server

server = Server("WORKLIST", port=int(sys.argv[1]))


@server.on_find("worklist")
def find(request):
    return request.match(Dataset.from_json(entry) for entry in json.loads(Path(sys.argv[2]).read_text()))


server.run()
