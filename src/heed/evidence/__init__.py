"""How numbers are made: pure functions over tables. No framework, no clock, no hidden randomness.

The public names stand in the stub beside this file; each is imported when it is first used, so that who
needs an interval does not wait for the learners.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
