"""``python -m lockstep``: the command ``lockstep`` where the folder of scripts is not on ``PATH``."""

from lockstep.command import main

main()
