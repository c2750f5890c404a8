
right "$path" || refuse "$path has mode and owner $(stat -c '%a %U:%G' -- "$path"); expected: $mode $owner"
printf '%s is so\n' "$path"
