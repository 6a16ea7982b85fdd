"""City Brain: an urban operating system.

One network, one cloud, one library, one hub, one brain, and on them scenes and cockpits.
docs/architecture.md draws the rooms and what flows between them.
"""

__version__ = "0.1.0"
