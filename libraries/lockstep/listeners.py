"""The listeners that each library brings: secrets are masked first, then what was only late, then verdicts, and what
they add is masked.
"""

from lockstep import lateness, masking, verdicts
from lockstep import learning as learning

LISTENERS = [masking.FIRST, lateness.LISTENER, verdicts.LISTENER, masking.LISTENER]
