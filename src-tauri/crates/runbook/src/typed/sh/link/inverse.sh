
now=$(state) || exit 1
if [ "$now" = "$was" ]; then
  printf '%s is as it was: %s\n' "$path" "$was"
  exit 0
fi
[ "$now" = "link $to" ] ||
  refuse "$path was changed since: $now; this step left: link $to; before: $was. It is left as it is"
case $was in
  nothing) rm -f -- "$path" ;;
  'link '*) lead "${was#link }" ;;
  *) refuse "what $path was before is not known: $was" ;;
esac
printf '%s is again as it was: %s\n' "$path" "$was"
