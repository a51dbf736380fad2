"""A process that takes up the index as a worker does and says when a hash is in force.

Reads lines of a PDQ hash and `in` or `out` from standard input. After each it asks the database for the number of its
state and the index for the hash, again and again, as a worker does for every picture; once the hash hits (`in`) or is
silent (`out`) it prints the moment, in seconds of the machine's monotonic clock.
"""

import sys
import time

from hashsets.model import Algorithm, Fingerprint
from hashsets.store import read_generation
from triage.cli.session import find_deployment
from triage.index_holder import IndexHolder
from triage.settings import load_settings
from triage.store.pool import Database

PAUSE_S = 0.005
READY = "ready"


def main() -> int:
    """Watch until standard input ends."""
    deployment = find_deployment(load_settings(), practice=True)
    database = Database(deployment.keys("worker").find_database_url(), role="hotline_worker")
    database.open()
    index = IndexHolder(deployment.index_dir)

    def is_in_force(text: str) -> bool:
        present = index.get(database, at_least=database.run(read_generation))
        return bool(present.search([Fingerprint(Algorithm.PDQ, text, orientation="r0")]))

    is_in_force("0f" * 32)
    print(READY, flush=True)
    for line in sys.stdin:
        text, wanted = line.split()
        while is_in_force(text) != (wanted == "in"):
            time.sleep(PAUSE_S)
        print(time.monotonic(), flush=True)
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
