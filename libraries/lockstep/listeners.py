"""The listeners that each library brings: verdicts first, and what they add is masked."""

from lockstep import masking, verdicts

LISTENERS = [verdicts.LISTENER, masking.LISTENER]
