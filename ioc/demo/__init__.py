"""The demo province: invented sources on real communes, read by the real adapters. Nothing here bypasses the spine.

`world` and what it is made of (cameras, citizens, offices) is a simulation that depends on a seed, a beginning and the
time alone; `sources` lets it speak the forms that real sources speak; `run` starts them and the centre beside them.
Everything is invented and said to be (`dữ liệu mẫu`); there is no personal data in it.
"""

SYSTEMS_KEY = "IOC_DEMO_KEY"
"""Names the variable that holds the key of a demo's simulated systems: they ask for it, and the centre sends it."""
