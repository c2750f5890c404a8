
check_kind "$path"
[ -e "$path" ] || refuse "$path is not there, and the step does not say what it holds"

# Mode and owner, in one line.
state() {
  stat -c '%a %u:%g' -- "$path" || refuse "mode and owner of $path cannot be read"
}
