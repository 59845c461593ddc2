"""The first answer between two hosts on a LAN that have no session, side by side with others.

| module | what it does |
|---|---|
| `cli` | the command line, and the order of a run |
| `lan` | the hosts of the bed `lan` of `bench/compare`: routes, neighbours, the servers that answer |
| `peers`, `site`, `swan` | who is measured: started cold, and asked whether it is |
| `vici` | what strongSwan's daemon is told and asked |
| `shot` | one cold start: the first answer, then warm ones |
| `rounds` | all peers in turn, again and again |
| `delivery` | how long a node waits for its group's credentials |
| `breakdown`, `ear` | what was on the wire in one cold start, and when |
| `many` | thousands of cold starts of Kumihimo, and what was lost in them |
| `figures`, `report` | medians and percentiles; the tables |

Namespaces, processes, packages and the command's frame are those of `bench/compare/sidebyside`.

Limits: all hosts share the cores of one machine, on cables without loss or delay; see bench/README.md.
"""
