"""What tells people and programs how trcpoints does. Judges and words; reads nothing itself."""
