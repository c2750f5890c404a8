
check_kind "$path"
[ -e "$path" ] || refuse "$path is not there"
holds "$path" || refuse "$path does not hold what was written"
right "$path" || refuse "$path has mode and owner $(stat -c '%a %U:%G' -- "$path"); expected: $mode $owner"
printf '%s is so\n' "$path"
