"""HTTP as every source is read: paced, bounded in every direction, repeated after a hiccup."""
