"""Notes which procedure steps modalities begin and end.

python mpps_scp.py PORT
"""

import sys

from dicomnet import Server

server = Server("MPPS", port=int(sys.argv[1]))


@server.on_n_create("mpps")
@server.on_n_set("mpps")
def note(request):
    print(request.sop_instance_uid, request.dataset.PerformedProcedureStepStatus, flush=True)


server.run()
