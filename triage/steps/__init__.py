"""Steps: one transaction each. Read, decide (rules), store, append custody events; the caller commits."""
