#!/bin/sh
# Runs the Verifpal models of this directory one after another and compares the
# verdict of every query with the "// Expect:" lines at the top of the model.
#
#   run.sh [--quick] [--results FILE] [MODEL...]
#
# MODEL is a name without .vp; none means all. --quick analyses every model with one
# session (an expected attack that needs two is then skipped). --results writes the
# table as Markdown. Set VERIFPAL to the program and TIMEOUT_S to the limit of one
# model (default 2400). Exit status: 0 all as expected, 1 a difference, a time-out or
# an error, 2 wrong use.
set -u

dir=$(cd "$(dirname "$0")" && pwd)
verifpal=${VERIFPAL:-verifpal}
timeout_s=${TIMEOUT_S:-2400}
quick=no
results=
models=
while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=yes ;;
	--results) shift; results=${1:?--results needs a file} ;;
	-*) echo "run.sh: unknown option $1" >&2; exit 2 ;;
	*) models="$models $1" ;;
	esac
	shift
done

version=$("$verifpal" --version 2>/dev/null) || {
	echo "run.sh: $verifpal not found: cargo install verifpal --version 1.6.7 --locked --ignore-rust-version" >&2
	exit 2
}
(cd "$dir" && python3 derive.py --check) || exit 1
if [ -z "$models" ]; then
	models=$(cd "$dir" && ls ./*.vp | sed 's|^\./||; s|\.vp$||')
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
table=$work/table
bad=0
count=0

# One query a line: "PASS|FAIL query"; what stands behind the query is the search note.
# The last report in the output is the final one; FAIL lines before it are progress.
verdicts() {
	sed -n '/Verification completed/,$p' "$1" |
		sed -n 's/^ *PASS + \([a-z]*? .*\)$/PASS \1/p; s/^ *FAIL x \([a-z]*? .*\)$/FAIL \1/p' |
		sed 's/  \[.*//; s/ *$//'
}

printf '%-30s %8s %7s  %s\n' model sessions seconds result
for model in $models; do
	file=$dir/$model.vp
	[ -r "$file" ] || { echo "run.sh: no model $model" >&2; exit 2; }
	sessions=$(sed -n 's|^// Sessions: ||p' "$file")
	sed -n 's|^// Expect: ||p' "$file" >"$work/expected"
	[ -n "$sessions" ] && [ -s "$work/expected" ] || { echo "run.sh: $model has no Sessions or Expect line" >&2; exit 2; }
	skip=no
	if [ $quick = yes ] && [ "$sessions" != 1 ]; then
		grep -q '^FAIL' "$work/expected" && grep -q '^// Needs two sessions' "$file" && skip=yes
		sessions=1
	fi
	if [ $skip = yes ]; then
		printf '%-30s %8s %7s  %s\n' "$model" - - "skipped (needs two sessions)"
		continue
	fi
	start=$(date +%s)
	timeout "$timeout_s" "$verifpal" verify "$file" --sessions "$sessions" >"$work/out" 2>&1
	status=$?
	seconds=$(($(date +%s) - start))
	verdicts "$work/out" >"$work/got"
	count=$((count + 1))
	if [ $status = 124 ]; then
		result="TIME-OUT after $timeout_s s"
	elif [ $status != 0 ]; then
		result="ERROR (status $status)"
	elif cmp -s "$work/expected" "$work/got"; then
		result="as expected"
	else
		result=DIFFERENT
	fi
	printf '%-30s %8s %7s  %s\n' "$model" "$sessions" "$seconds" "$result"
	if [ "$result" != "as expected" ]; then
		bad=$((bad + 1))
		diff "$work/expected" "$work/got" | sed 's/^</expected:/; s/^>/found:   /'
		[ $status = 0 ] || tail -5 "$work/out"
	fi
	search=$(grep -o '\[search [^]]*\]' "$work/out" | sort -u | tr -d '[]' | paste -sd';' -)
	while read -r verdict query; do
		case $verdict in PASS) word="no attack found" ;; *) word="attack found" ;; esac
		printf '| `%s` | %s | `%s` | %s | %s | %s | %s |\n' "$model" "$sessions" "$query" "$word" \
			"${search:--}" "$seconds" "$result" >>"$table"
	done <"$work/got"
done

echo "$version: $count models, $bad not as expected"
if [ -n "$results" ]; then
	{
		echo "# Results of the protocol models"
		echo
		echo "$(date -u +%Y-%m-%d), $version, $(uname -m). Written by \`docs/protocol/models/run.sh"
		echo "--results\`; what each model asks and what it leaves out is in"
		echo "[docs/protocol/models](../protocol/models/README.md). \"No attack found\" means that"
		echo "the search of this tool, with this number of concurrent sessions for each principal,"
		echo "ended without one. It is not a proof. Seconds are wall-clock time for the whole model."
		echo
		echo "$count models, $bad not as expected."
		echo
		echo "| model | sessions | query | verdict | search | seconds | |"
		echo "|---|---|---|---|---|---|---|"
		cat "$table"
	} >"$results"
fi
[ $bad = 0 ]
