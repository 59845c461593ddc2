"""Kumihimo and other private networks side by side on one machine, in namespaces made for it.

| module | what it does |
|---|---|
| `cli` | the command line, and the order of a run |
| `running` | what every such command has around its work; `bench/coldstart` uses it, too |
| `peers` | one file for each peer: how it is installed, configured and started |
| `debian`, `crates`, `tools` | where peers and measuring programs come from |
| `machine`, `bed`, `stage` | the machine; namespaces with cables; the processes of one peer in them |
| `measure` | one figure each: TCP, UDP, echo, memory, processor time |
| `trial` | all figures of one peer |
| `report`, `ratios`, `chart` | the table, the comparison with the yardsticks, the picture |

Limits: Linux, root, both ends and the kernel between them on the cores of one machine, cables without
loss or delay. Rows are comparable within one run only.
"""
