"""The queue of jobs: each is an organization to be synced, or one member (design, section 8).

Whoever changes it holds the books lock, so that all its changes come one after the other.
"""
