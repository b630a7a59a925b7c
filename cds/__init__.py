"""The shell: who is asking, over which wire. It joins the schemas, the event store and the projections.

Everything that touches the network, the disk or the clock lives here, but `commands`, which decides and is pure.
"""
