
# Reading is asked for as well: what cannot be read cannot be compared later.
modified() {
  [ -r "$1" ] || return 1
  since=$(stat -c %Y -- "$1") || return 1
  echo "secret-since:$since"
}

# What is at $1, as the journal may keep it. Whoever reads a digest of a secret can try secrets out on
# it, so where the step's content holds one, the time of the last write stands in for it.
recorded() {
  if [ -n "$secret" ]; then
    describe "$1" modified
  else
    describe "$1" digest
  fi
}
