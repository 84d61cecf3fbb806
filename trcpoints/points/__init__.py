"""Points: what XP is worth, the ledger they are kept in, and the proof that it adds up."""
