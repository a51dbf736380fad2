"""The zygote of hostile_zygote.py on a machine that lets nobody leave its namespaces."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import hostile_zygote

if __name__ == "__main__":
    hostile_zygote.locks.leave_namespaces = lambda **_: False
    sys.exit(hostile_zygote.run(sys.argv[1:]))
