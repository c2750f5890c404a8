
check_kind "$path"
[ ! -e "$path" ] || refuse "$path is still there"
printf '%s is not there\n' "$path"
