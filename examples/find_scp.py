"""Answers queries about the instances in a folder.

python find_scp.py PORT FOLDER
"""

import sys
from pathlib import Path

from pydicom import dcmread

from dicomnet import Server

server = Server("ARCHIVE", port=int(sys.argv[1]))


@server.on_find("study-root")
def find(request):
    return request.match(dcmread(path, stop_before_pixels=True) for path in Path(sys.argv[2]).glob("*.dcm"))


server.run()
