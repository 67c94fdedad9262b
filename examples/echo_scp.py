"""Answers echoes.

python echo_scp.py PORT
"""

import sys

from dicomnet import Server

Server("ECHO", port=int(sys.argv[1])).run()
