#!/bin/bash
# status.sh: one line for each host: its address, its power, whether its sshd answers, the faults that lie on it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

hosts=$(host_names)
[ -n "$hosts" ] || die "there are no hosts; make some with: up 6"
for host in $hosts; do
  power=off
  ! is_on "$host" || power=on
  answer=silent
  ! answers "$host" || answer=answers
  printf '%-8s %-15s %-4s %-8s %s\n' "$host" "$(host_address "$host")" "$power" "$answer" "$(faults_of "$host")"
done
