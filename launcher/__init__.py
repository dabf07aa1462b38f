"""The command line of Lockstep: runs suites, judges their results, and shows what was proved."""
