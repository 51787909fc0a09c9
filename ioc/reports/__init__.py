"""Citizens' reports: a case of ours in SQL, changed step by step, told to the log by an outbox."""
