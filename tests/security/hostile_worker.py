"""A real worker process whose decoder was taken over: `hostile_worker.py ZYGOTE`.

Everything is that of `python -m workers`, locks first; only the file that the zygote runs is another.
"""

import sys

from triage.process import start_process
from workers.__main__ import run

if __name__ == "__main__":
    run(start_process("worker"), ["capture"], zygote_module=sys.argv[1])
