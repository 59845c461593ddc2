## `kumi group`: groups that are keys.

cmd-group = Groups that are keys
    .long = Put a node in a group, and that is all there is to configure.
    .examples = kumi group cost docs/load/five-elements.toml    what a network costs its administrator

cmd-group-cost = Count the values that people enter for a network
    .long =
        Reads a network with groups from a file and counts how many values its administrators
        enter, with GSCIP and with IPsec, by the rules of the papers on GSCIP. The files under
        docs/load are the papers' own networks; docs/load/README.md explains the rules.
    .examples =
        kumi group cost docs/load/five-elements.toml    the network of a paper
        kumi group cost --nodes 100                     how it grows with the number of nodes
        kumi group cost FILE --json                     for programs

arg-scenario = A file that describes a network (TOML)
opt-nodes = Show how keys and peers grow, up to this number of nodes
expected-nodes = a number from 2 to 1000000

cost-keys = keys
cost-policy = policies
cost-element = elements
cost-membership = memberships
cost-exchange = key exchange
cost-server = server
cost-total = total
cost-changes = Changes
cost-nodes = nodes
cost-curve-keys = Values entered for keys
cost-curve-peers = Values that say who talks with whom

error-scenario-unreadable = { $file } cannot be read.
    .why = { $detail }
    .fix = Give the path of a file like docs/load/five-elements.toml.
error-scenario-large = { $file } is too large.
    .why = A scenario has at most { $max }.
    .fix = Give the path of a file like docs/load/five-elements.toml.
error-scenario-syntax = { $file } is not a scenario.
    .why = { $detail }
    .fix = Correct that line; docs/load/README.md lists what there is.
error-scenario-many = { $file } has too many { $what }.
    .why = At most { $max } are counted.
    .fix = Leave some out.
error-scenario-twice = { $file } has two things of the name "{ $name }".
    .why = A name must say which one is meant.
    .fix = Give one of them another name.
error-scenario-unknown = { $file }: "{ $by }" names "{ $name }".
    .why = There is nothing of that name.
    .fix = Correct the name, or add what it names.
error-scenario-router = { $file }: "{ $by }" cannot be behind "{ $name }".
    .why = Only an element of kind "gen" has others behind it, and none is behind itself.
    .fix = Name a "gen", or remove `behind`.
error-scenario-group = { $file }: "{ $name }" is in no group.
    .why = Whoever is in no group needs no key, and there is nothing to count.
    .fix = Put it in a group, or leave it out.
error-scenario-change = { $file }: the change "{ $title }" is not one thing.
    .why = A change is either a move or an addition.
    .fix = Give it `move` or `add`, not both.
