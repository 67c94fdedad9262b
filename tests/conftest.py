from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

from guards import little_to_collect, no_thread_left

__all__ = ["little_to_collect", "no_thread_left"]

# Who starts us in the background may have us ignore Ctrl-C, and then so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: a machine that is busy with something else is no finding. In CI the examples are the same each time, so
# that a failure there is about the change and not about the draw.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
