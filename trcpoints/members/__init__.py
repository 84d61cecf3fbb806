"""Members: who they are, how they are found, added, changed, imported and shown."""
