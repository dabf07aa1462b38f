"""The listeners that each library brings: what was only late, then verdicts, and what they add is masked."""

from lockstep import lateness, masking, verdicts

LISTENERS = [lateness.LISTENER, verdicts.LISTENER, masking.LISTENER]
