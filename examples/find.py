"""Lists the studies of a patient.

python find.py AET@host:port PATIENT-ID
"""

import sys

from dicomnet import Peer

for study in Peer(sys.argv[1]).find("STUDY", PatientID=sys.argv[2]):
    print(study.StudyInstanceUID, study.PatientName)
