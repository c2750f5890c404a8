
now=$(state) || exit 1
if command -v iconv >/dev/null 2>&1; then
  printf '%s' "$now" | iconv -f UTF-8 -t UTF-8 >/dev/null 2>&1 ||
    refuse "$path leads to a name that is not UTF-8, which cannot be noted"
fi
printf '%s\n' "$now"
