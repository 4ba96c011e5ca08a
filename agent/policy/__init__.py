"""Policies: from files to the checked policy set.

    scan        which files count, and a signature of each
    source      one file read whole, or not at all while it is being written
    trust       whether a file and every directory above it are root's alone
    yaml_front  bytes to plain data with positions, bounded on hostile input
    shape       data against the schemas: accepted fast, or every mistake worded
    normalise   defaults filled, quantities turned into numbers
    references  where options of actions name things of the set
    compile     all of these for one file: a fragment, as JSON
    fragments   the JSON of a fragment to the model's values
    link        all fragments to one policy set
    completing  what options name, put in place of the names
    load        all of it in one process, for the command line and a cold start
    child       the compiler as a process of its own, for the daemon
    protocol    the conversation with that process, seen from the daemon

The daemon imports scan, trust, fragments, link, protocol and settings; none of them imports YAML or JSON Schema.
"""
