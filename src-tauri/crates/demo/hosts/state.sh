#!/bin/sh
# What the HTTP side of a unit needs in one look: is it up, since when, and its files. Arguments: unit, files.
. /opt/daytwo/lib
unit=$1
shift
get state "$units/$unit/state"
get since "$units/$unit/since"
running "$unit" || [ "$state" != active ] || state=failed
echo "$state ${pid:-0} ${since:-0} $(date +%s)"
for file in "$@"; do
  size=$(wc -c <"$file" 2>/dev/null) || size=0
  echo "$((size))"
  [ "$((size))" = 0 ] || head -c "$((size))" "$file"
done
