# Shared by what runs inside a demo host; sourced, never executed.
units=/var/lib/demo/units
journal=/var/log/demo-journal

# get NAME FILE: the first line of FILE into the variable NAME, without a process.
get() {
  eval "$1="
  [ ! -r "$2" ] || IFS= read -r "$1" <"$2" || :
}

# write_log UNIT IDENT PID MESSAGE: one line of the journal: epoch, ISO time, unit, ident, pid, message.
write_log() {
  printf '%s %s %s %s %s\n' "$(date -u '+%s %Y-%m-%dT%H:%M:%S%z')" "$1" "$2" "$3" "$4" >>"$journal"
}

# alive: the disk still holds what a host needs to work.
alive() {
  [ -e /bin/sh ] && [ -e /etc/hostname ] && [ -e /opt/daytwo/enter ] && [ -e /opt/daytwo/lib ] && [ -d "$units" ]
}

# running UNIT: sets pid; true when that process exists.
running() {
  get pid "$units/$1/pid"
  [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null
}

# describe UNIT: sets description, exec_start, restart, period (seconds between log lines).
describe() {
  restart=no period=20
  case $1 in
  nginx.service) description='A high performance web server and a reverse proxy server' exec_start=/usr/sbin/nginx period=15 ;;
  app.service) description='Application server' exec_start=/srv/app/current/bin/app restart=on-failure period=10 ;;
  postgresql.service) description='PostgreSQL RDBMS' exec_start=/usr/lib/postgresql/bin/postgres restart=on-failure period=30 ;;
  inference.service) description='Inference server' exec_start=/usr/bin/vllm restart=on-failure period=20 ;;
  gateway.service) description='Token gateway' exec_start=/usr/bin/litellm restart=always period=20 ;;
  ssh.service) description='OpenBSD Secure Shell server' exec_start=/usr/sbin/sshd restart=on-failure period=300 ;;
  cron.service) description='Regular background program processing daemon' exec_start=/usr/sbin/cron restart=on-failure period=60 ;;
  *) description=$1 exec_start=/usr/bin/true ;;
  esac
}
