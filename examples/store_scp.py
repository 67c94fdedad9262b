"""Keeps every instance in a folder for each patient and study.

python store_scp.py PORT FOLDER
"""

import sys

from dicomnet import Server

server = Server("STORE", port=int(sys.argv[1]), unrestricted=True)


@server.on_store
async def keep(request):
    await request.save(sys.argv[2], layout="{PatientID}/{StudyInstanceUID}/{instance}.dcm")


server.run()
