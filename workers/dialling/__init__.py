"""Where this system may dial: the address policy, the ways out, and the names of practice."""
