"""Pure rules: plain values and `now` in, values out. No SQL, no network, no clock."""
