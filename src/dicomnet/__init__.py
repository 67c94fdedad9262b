"""DICOM networking: associations and every DIMSE message, as SCU and SCP."""

__version__ = "0.1.0.dev0"
