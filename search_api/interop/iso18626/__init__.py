"""ISO 18626 (interlibrary loan transactions) in both of its versions that are in use: 1.2 (2017) and 2021-2.

    bytes ── reading.read ──▶ messages ── translating.heard, asking.asked ──▶ events of the life cycle
    bytes ◀── writing.write ── messages ◀── translating.told, asking.ask ──── events of the life cycle

Both versions share one namespace and contradict each other; `messages` is the one model of both, `shapes` says how each
puts it into elements. Nothing here has a clock, a network or a store.
"""
