
# Tells the host what this step leaves beside the file, by the folder's own path: it keeps that for the way back as long
# as it knows of this attempt, and then removes it. A host that keeps nothing of the attempt has nowhere to write it.
# shellcheck disable=SC2154 # The shell around this script sets daytwo_left, where there is one.
leave() {
  [ -n "${daytwo_left-}" ] || return 0
  real=$(cd -P -- "$dir/" && pwd -P) || exit 1
  name=${beside##*/}
  printf '%s\n' "${real%/}/$name.bak" "${real%/}/$name.note" "${real%/}/$name.new" 2>/dev/null >>"$daytwo_left" ||
    printf '%s\n' "the host has no room to note that it is to remove $bak one day" >&2
}
