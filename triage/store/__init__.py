"""SQL: one module per table family. Functions take `conn` and never commit; a step owns the transaction."""
