# What lives of an attempt: its state, then of each process of its session the pid, the state, whether it has a
# terminal, what it waits for in the kernel, and its name.

look() {
  dt_facts || return
  dt_each dt_has || return
  dt_state "$dt_dir"
  echo "state $dt_word"
  [ -n "$dt_pid" ] && [ -r /proc/self/stat ] || return
  for dt_f in /proc/[0-9]*; do
    { read -r dt_l <"$dt_f/stat"; } 2>/dev/null || continue
    # shellcheck disable=SC2086
    set -- ${dt_l##*) }
    [ "$4" = "$dt_pid" ] || continue
    case $1 in Z | X | x) continue ;; esac
    dt_wc=-
    { read -r dt_wc <"$dt_f/wchan"; } 2>/dev/null || dt_wc=${dt_wc:--}
    dt_nm='?'
    { read -r dt_nm <"$dt_f/comm"; } 2>/dev/null
    dt_put "process ${dt_f##*/} $1 $5 ${dt_wc:--} $dt_nm"
  done
}
