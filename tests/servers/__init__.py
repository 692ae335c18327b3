"""Real servers for tests: Elasticsearch and PostgreSQL, found, started once per run, stopped with it.

Whatever a run starts has the run's folder on its command line (a container has its name as a label), so that all of it
is found again and stopped, also after a kill -9 of pytest in the middle of a start. `reaper.py` does that.
"""
