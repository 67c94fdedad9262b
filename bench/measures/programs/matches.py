"""The studies that both servers answer with: what an archive says of one, at the study level (PS3.4 C.6.2.1.2)."""

from __future__ import annotations

from pydicom import Dataset

KEYS = {
    "PatientName": "",
    "PatientID": "",
    "StudyInstanceUID": "",
    "StudyDate": "",
    "StudyTime": "",
    "AccessionNumber": "",
    "StudyID": "",
    "StudyDescription": "",
    "ModalitiesInStudy": "",
    "NumberOfStudyRelatedInstances": "",
}
"""What is asked for; the same by all that ask."""


def study(number: int) -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel = "STUDY"
    found.PatientName = f"Doe^Number {number}"
    found.PatientID = f"{number:08}"
    found.StudyInstanceUID = f"1.2.826.0.1.3680043.2.1.{number}"
    found.StudyDate = "20260102"
    found.StudyTime = "093000"
    found.AccessionNumber = f"A{number}"
    found.StudyID = str(number)
    found.StudyDescription = "Thorax with contrast"
    found.ModalitiesInStudy = ["CT", "SR"]
    found.NumberOfStudyRelatedInstances = 312
    return found
